import NIOCore
import Wire

/// What a load balancer says before a client's first byte, whole and as it grows.
@Sendable
func fuzzProxyHeaders(_ input: UnsafeRawBufferPointer) {
    let whole = ProxyHeader.read(input)
    if case .header(_, let length) = whole {
        demand((1...min(input.count, ProxyHeader.maxLength)).contains(length), "a header within its bytes")
    }
    if case .more = whole { demand(input.count < ProxyHeader.maxLength, "more is asked for only where there may be more") }
    // Byte by byte: what is settled once does not change with what follows, and nothing is settled before its own last byte.
    for count in 0..<input.count {
        switch ProxyHeader.read(UnsafeRawBufferPointer(rebasing: input[..<count])) {
        case .more: continue
        case .header(let header, let length):
            demand(length == count && whole == .header(header, length: length), "a header is complete at its last byte, and stays what it is")
            return
        case .malformed:
            guard case .malformed = whole else { fatalError("what is no header becomes none by what follows") }
            return
        }
    }
}
