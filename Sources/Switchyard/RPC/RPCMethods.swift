/// What a server answers: found by the bytes of a name, so that a call makes no string.
struct RPCMethods: Sendable {
    enum Function: Sendable {
        case typed(RPCHandler)
        case inline(RPCInlineHandler)
        case raw(RPCRawHandler)
    }

    private var methods: [(name: [UInt8], function: Function)] = []

    /// The methods' names, by their numbers.
    var names: [String] { methods.map { String(decoding: $0.name, as: UTF8.self) } }

    /// The last function of a name has it.
    mutating func set(_ name: String, _ function: Function) {
        let bytes = Array(name.utf8)
        methods.removeAll { $0.name == bytes }
        methods.append((bytes, function))
    }

    /// The number of the method of that name; of a multiplexed `service:method` that nobody registered as a whole, the method's.
    func find(_ name: UnsafeRawBufferPointer) -> Int? {
        if let number = exact(name) { return number }
        guard let colon = name.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        return exact(UnsafeRawBufferPointer(rebasing: name[(colon + 1)...]))
    }

    private func exact(_ name: UnsafeRawBufferPointer) -> Int? { methods.firstIndex { $0.name.elementsEqual(name) } }

    subscript(number: Int) -> Function { methods[number].function }
}
