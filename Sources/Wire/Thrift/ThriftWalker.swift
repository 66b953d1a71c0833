/// Finds the end of one structure without keeping any of it: iterative, and able to go on where the bytes ended the last time.
///
/// Bounds: ``ThriftType/maxDepth`` levels; lengths and counts must not be negative, and what they claim must fit before the limit.
/// Its stack keeps its room from one message to the next.
package struct ThriftWalker: ~Copyable {
    package enum Step: Equatable {
        /// The structure ends before that offset.
        case end(Int)
        /// It goes on to at least that offset.
        case incomplete(needed: Int)
        case malformed(WireError)
    }

    /// One structure or container that is open.
    private struct Level {
        var kind: Kind
        /// Values still to come, keys counted too.
        var remaining = 0
        var first: ThriftType = .bool
        var second: ThriftType = .bool

        enum Kind { case structure, values, pairs }
    }

    private var stack: [Level] = []
    private var encoding = ThriftEncoding.binary
    /// The value that comes next, when its type is known already.
    private var pending: ThriftType?
    /// Up to where everything is known; may lie behind the bytes that have come.
    private var position = 0
    private var failure: WireError?

    package init() {}

    /// Begins a structure at that offset.
    package mutating func start(at offset: Int, encoding: ThriftEncoding) {
        begin(at: offset, encoding: encoding)
        stack.append(Level(kind: .structure))
    }

    /// Begins a single value at that offset.
    mutating func start(value: ThriftType, at offset: Int, encoding: ThriftEncoding) {
        begin(at: offset, encoding: encoding)
        pending = value
    }

    private mutating func begin(at offset: Int, encoding: ThriftEncoding) {
        stack.removeAll(keepingCapacity: true)
        self.encoding = encoding
        pending = nil
        position = offset
        failure = nil
    }

    /// Walks on through `bytes`, whose beginning is the same as the last time.
    /// - Parameter limit: the offset that the structure must not pass.
    package mutating func advance(_ bytes: UnsafeRawBufferPointer, limit: Int) -> Step {
        while pending != nil || !stack.isEmpty {
            guard position <= limit else { return .malformed(WireError(.tooLarge, "a Thrift message of over \(limit) bytes")) }
            guard position <= bytes.count else { return .incomplete(needed: position) }
            let missing = if let type = pending { value(type, bytes, limit: limit) } else { level(bytes) }
            if let failure { return .malformed(failure) }
            if missing > 0 {
                guard bytes.count < limit else { return .malformed(WireError(.protocol, "a Thrift structure does not end")) }
                return .incomplete(needed: bytes.count + missing)
            }
        }
        guard position <= limit else { return .malformed(WireError(.tooLarge, "a Thrift message of over \(limit) bytes")) }
        return position <= bytes.count ? .end(position) : .incomplete(needed: position)
    }

    // MARK: - One step; each returns how many bytes it lacks, and then has changed nothing

    private mutating func fail(_ what: String) -> Int {
        failure = WireError(.protocol, "a Thrift structure with \(what)")
        return 0
    }

    private mutating func tooDeep() -> Int {
        failure = .tooDeep
        return 0
    }

    private mutating func push(_ level: Level) -> Int {
        guard stack.count < ThriftType.maxDepth else { return tooDeep() }
        stack.append(level)
        return 0
    }

    /// Takes what the innermost level has next.
    private mutating func level(_ bytes: UnsafeRawBufferPointer) -> Int {
        let last = stack.count - 1
        switch stack[last].kind {
        case .structure: return field(bytes)
        case .values, .pairs:
            guard stack[last].remaining > 0 else {
                stack.removeLast()
                return 0
            }
            let isKey = stack[last].kind == .values || stack[last].remaining.isMultiple(of: 2)
            pending = isKey ? stack[last].first : stack[last].second
            stack[last].remaining -= 1
            return 0
        }
    }

    private mutating func field(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard bytes.count > position else { return 1 }
        let byte = bytes[position]
        guard byte != 0 else {
            position += 1
            stack.removeLast()
            return 0
        }
        switch encoding {
        case .binary:
            guard let type = ThriftType(rawValue: byte) else { return fail("a field of type \(byte)") }
            pending = type
            position += 3
            return 0
        case .compact:
            guard let type = ThriftType(compact: byte) else { return fail("a field of type \(byte & 0x0F)") }
            var end = position + 1
            if byte & 0xF0 == 0 {
                switch Varint.read(bytes, at: end, most: 3) {
                case .value(let id): end = id.end
                case .incomplete: return 1
                case .tooLong: return fail("a field id of over 16 bits")
                }
            }
            position = end
            // A bool's value is its type.
            pending = type == .bool ? nil : type
            return 0
        }
    }

    private mutating func value(_ type: ThriftType, _ bytes: UnsafeRawBufferPointer, limit: Int) -> Int {
        if let size = type.fixedSize(encoding) {
            position += size
            pending = nil
            return 0
        }
        switch type {
        case .structure:
            pending = nil
            return push(Level(kind: .structure))
        case .binary: return text(bytes, limit: limit)
        case .list, .set: return values(bytes, limit: limit)
        case .map: return pairs(bytes, limit: limit)
        default:
            switch Varint.read(bytes, at: position, most: 10) {
            case .value(let number): position = number.end
            case .incomplete: return 1
            case .tooLong: return fail("a number of over 10 bytes")
            }
            pending = nil
            return 0
        }
    }

    private mutating func text(_ bytes: UnsafeRawBufferPointer, limit: Int) -> Int {
        switch size(bytes, at: position) {
        case .incomplete(let missing): return missing
        case .malformed: return fail("a length that is no length")
        case .size(let count, let end):
            guard count <= limit - end else { return fail("a text of \(count) bytes where \(max(limit - end, 0)) remain") }
            position = end + count
            pending = nil
            return 0
        }
    }

    private mutating func values(_ bytes: UnsafeRawBufferPointer, limit: Int) -> Int {
        guard bytes.count > position else { return 1 }
        let byte = bytes[position]
        let header: Size
        if encoding == .binary {
            header = size(bytes, at: position + 1)
        } else if byte >> 4 < 15 {
            header = .size(Int(byte >> 4), end: position + 1)
        } else {
            header = size(bytes, at: position + 1)
        }
        switch header {
        case .incomplete(let missing): return missing
        case .malformed: return fail("a count that is no count")
        case .size(let count, let end):
            pending = nil
            position = end
            guard count > 0 else { return depthOfFlat() }
            guard let type = elementType(byte) else { return fail("values of type \(byte)") }
            guard fits(count, type.leastSize(encoding), limit: limit) else { return fail("\(count) values where \(limit - end) bytes remain") }
            if let size = type.fixedSize(encoding) {
                position += count * size
                return depthOfFlat()
            }
            return push(Level(kind: .values, remaining: count, first: type))
        }
    }

    private mutating func pairs(_ bytes: UnsafeRawBufferPointer, limit: Int) -> Int {
        let isBinary = encoding == .binary
        switch size(bytes, at: isBinary ? position + 2 : position) {
        case .incomplete(let missing): return missing
        case .malformed: return fail("a count that is no count")
        case .size(let count, let sizeEnd):
            let typesAt = isBinary ? position : sizeEnd
            let end = isBinary || count == 0 ? sizeEnd : sizeEnd + 1
            guard bytes.count >= end else { return 1 }
            pending = nil
            position = end
            guard count > 0 else { return depthOfFlat() }
            let key = elementType(isBinary ? bytes[typesAt] : bytes[typesAt] >> 4)
            let value = elementType(isBinary ? bytes[typesAt + 1] : bytes[typesAt] & 0x0F)
            guard let key, let value else { return fail("pairs of an unknown type") }
            guard fits(count, key.leastSize(encoding) + value.leastSize(encoding), limit: limit) else {
                return fail("\(count) pairs where \(limit - end) bytes remain")
            }
            return push(Level(kind: .pairs, remaining: 2 * count, first: key, second: value))
        }
    }

    /// A container that is empty, or whose values are skipped at once, counts as a level all the same.
    private mutating func depthOfFlat() -> Int {
        stack.count < ThriftType.maxDepth ? 0 : tooDeep()
    }

    private func elementType(_ code: UInt8) -> ThriftType? {
        encoding == .binary ? ThriftType(rawValue: code) : ThriftType(compact: code)
    }

    /// Whether that many values can stand before the limit. Counts fit 32 bits, so the product fits.
    private func fits(_ count: Int, _ least: Int, limit: Int) -> Bool { count * least <= limit - position }

    private enum Size {
        case size(Int, end: Int)
        case incomplete(Int)
        case malformed
    }

    /// A length or count: i32, or a varint.
    private func size(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Size {
        switch encoding {
        case .binary:
            guard bytes.count >= offset + 4 else { return .incomplete(offset + 4 - bytes.count) }
            let count = Int32(bitPattern: bytes.word(at: offset))
            return count < 0 ? .malformed : .size(Int(count), end: offset + 4)
        case .compact:
            switch Varint.read(bytes, at: offset, most: 5) {
            case .value(let number): return number.bits > UInt64(Int32.max) ? .malformed : .size(Int(number.bits), end: number.end)
            case .incomplete: return .incomplete(1)
            case .tooLong: return .malformed
            }
        }
    }
}
