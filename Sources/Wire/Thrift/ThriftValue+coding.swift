import NIOCore

extension ThriftInput {
    /// The structure that begins here, at that level of nesting.
    mutating func structure(depth: Int) throws(WireError) -> ThriftStructure {
        guard depth <= ThriftType.maxDepth else { throw .tooDeep }
        var structure = ThriftStructure()
        var last: Int16 = 0
        while let field = try field(after: last) {
            structure[field.id] = try value(field.type, depth: depth)
            last = field.id
        }
        return structure
    }

    private mutating func value(_ type: ThriftType, depth: Int) throws(WireError) -> ThriftValue {
        switch type {
        case .bool: return .bool(try bool())
        case .i8: return .i8(Int8(bitPattern: try i8()))
        case .i16: return .i16(try i16())
        case .i32: return .i32(try i32())
        case .i64: return .i64(try i64())
        case .double: return .double(Double(bitPattern: try double()))
        case .binary: return .binary(copy(try binary()))
        case .uuid: return .uuid(copy(try uuid()))
        case .structure: return .structure(try structure(depth: depth + 1))
        case .list: return .list(try elements(depth: depth + 1))
        case .set: return .set(try elements(depth: depth + 1))
        case .map: return .map(try map(depth: depth + 1))
        }
    }

    private func copy(_ range: Range<Int>) -> ByteBuffer { ByteBuffer(bytes: UnsafeRawBufferPointer(rebasing: bytes[range])) }

    private mutating func elements(depth: Int) throws(WireError) -> ThriftElements {
        guard depth <= ThriftType.maxDepth else { throw .tooDeep }
        let (type, count) = try values()
        var elements = ThriftElements(type, [])
        // Without a type there are none.
        guard let type else { return elements }
        for _ in 0..<count { elements.values.append(try value(type, depth: depth)) }
        return elements
    }

    private mutating func map(depth: Int) throws(WireError) -> ThriftPairs {
        guard depth <= ThriftType.maxDepth else { throw .tooDeep }
        let (key, value, count) = try pairs()
        var map = ThriftPairs(key, value, [])
        guard let key, let value else { return map }
        for _ in 0..<count { map.pairs.append(.init(try self.value(key, depth: depth), try self.value(value, depth: depth))) }
        return map
    }
}

extension ThriftOutput {
    mutating func write(_ structure: ThriftStructure) {
        var last: Int16 = 0
        for (id, value) in structure.fields.sorted(by: { $0.key < $1.key }) {
            if case .bool(let bool) = value {
                field(.bool, id: id, after: last, bool: bool)
            } else {
                field(value.type, id: id, after: last)
                write(value)
            }
            last = id
        }
        stop()
    }

    private mutating func write(_ value: ThriftValue) {
        switch value {
        case .bool(let value): bool(value)
        case .i8(let value): i8(UInt8(bitPattern: value))
        case .i16(let value): i16(value)
        case .i32(let value): i32(value)
        case .i64(let value): i64(value)
        case .double(let value): double(value.bitPattern)
        case .binary(let bytes): bytes.withUnsafeReadableBytes { binary($0) }
        case .uuid(let bytes):
            // One of another size would shift everything behind it.
            var bytes = bytes.getSlice(at: bytes.readerIndex, length: min(bytes.readableBytes, 16)) ?? ByteBuffer()
            bytes.writeRepeatingByte(0, count: 16 - bytes.readableBytes)
            bytes.withUnsafeReadableBytes { raw($0) }
        case .structure(let structure): write(structure)
        case .list(let elements), .set(let elements): write(elements)
        case .map(let map): write(map)
        }
    }

    private mutating func write(_ elements: ThriftElements) {
        let type = elements.type ?? elements.values.first?.type
        let fitting = elements.values.filter { $0.type == type }
        values(type ?? .bool, count: fitting.count)
        for value in fitting { write(value) }
    }

    private mutating func write(_ map: ThriftPairs) {
        let (key, value) = (map.key ?? map.pairs.first?.key.type, map.value ?? map.pairs.first?.value.type)
        let fitting = map.pairs.filter { $0.key.type == key && $0.value.type == value }
        pairs(key, value, count: fitting.count)
        for pair in fitting {
            write(pair.key)
            write(pair.value)
        }
    }
}
