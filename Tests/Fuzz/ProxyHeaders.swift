import Links

/// The front of a connection from a balancer, versions 1 and 2.
@Sendable
func fuzzProxyHeaders(_ input: UnsafeRawBufferPointer) {
    let whole = ProxyHeader.read(input)
    guard case .header(_, let length) = whole else { return }
    demand(length <= input.count && length <= ProxyHeader.maxLength, "a header within its bytes")
    demand(ProxyHeader.read(UnsafeRawBufferPointer(rebasing: input[..<length])) == whole, "what follows a header does not change it")
    if case .header = ProxyHeader.read(UnsafeRawBufferPointer(rebasing: input[..<(length - 1)])) { fatalError("a header without its last byte") }
}
