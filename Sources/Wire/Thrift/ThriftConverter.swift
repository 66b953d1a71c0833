package import NIOCore

/// Writes a body in the other encoding: one structure, value by value, without recursion.
///
/// Binary to compact loses the element types of empty maps, which compact does not write; back they read 0. Nothing else is lost.
package struct ThriftConverter {
    /// One structure or container that is open.
    private struct Level {
        var isStructure: Bool
        /// The id of the last field, for the compact protocol's steps.
        var lastID: Int16 = 0
        var remaining = 0
        var first: ThriftType?
        var second: ThriftType?
    }

    private var stack: [Level] = []
    private var output: ThriftOutput

    /// Appends `body` of `bytes` to `buffer` in encoding `to`; `buffer` is unchanged when it throws.
    /// - Throws: ``WireError`` with code 14 when the body is not what it claims to be, or nests over ``ThriftType/maxDepth`` levels.
    package static func convert(
        _ bytes: UnsafeRawBufferPointer, body: Range<Int>, from: ThriftEncoding, to: ThriftEncoding, into buffer: inout ByteBuffer
    ) throws(WireError) {
        let mark = buffer.writerIndex
        var input = ThriftInput(bytes, body: body, encoding: from)
        var converter = ThriftConverter(output: ThriftOutput(buffer: buffer, encoding: to))
        // One owner, so that appending does not copy what stands in it.
        buffer = ByteBuffer()
        defer { buffer = converter.output.buffer }
        do throws(WireError) {
            try converter.run(&input)
        } catch {
            converter.output.buffer.moveWriterIndex(to: mark)
            throw error
        }
    }

    private init(output: ThriftOutput) { self.output = output }

    private mutating func run(_ input: inout ThriftInput) throws(WireError) {
        try push(Level(isStructure: true))
        while let level = stack.last {
            if level.isStructure {
                guard let field = try input.field(after: level.lastID) else {
                    output.stop()
                    stack.removeLast()
                    continue
                }
                stack[stack.count - 1].lastID = field.id
                if field.type == .bool {
                    output.field(.bool, id: field.id, after: level.lastID, bool: try input.bool())
                } else {
                    output.field(field.type, id: field.id, after: level.lastID)
                    try value(field.type, &input)
                }
            } else if level.remaining == 0 {
                stack.removeLast()
            } else {
                stack[stack.count - 1].remaining -= 1
                let isFirst = level.second == nil || level.remaining.isMultiple(of: 2)
                if let type = isFirst ? level.first : level.second { try value(type, &input) }
            }
        }
    }

    private mutating func push(_ level: Level) throws(WireError) {
        guard stack.count < ThriftType.maxDepth else { throw .badValue("more than \(ThriftType.maxDepth) levels") }
        stack.append(level)
    }

    private mutating func value(_ type: ThriftType, _ input: inout ThriftInput) throws(WireError) {
        switch type {
        case .bool: output.bool(try input.bool())
        case .i8: output.i8(try input.i8())
        case .i16: output.i16(try input.i16())
        case .i32: output.i32(try input.i32())
        case .i64: output.i64(try input.i64())
        case .double: output.double(try input.double())
        case .uuid: output.raw(UnsafeRawBufferPointer(rebasing: input.bytes[try input.uuid()]))
        case .binary: output.binary(UnsafeRawBufferPointer(rebasing: input.bytes[try input.binary()]))
        case .structure: try push(Level(isStructure: true))
        case .list, .set:
            let (type, count) = try input.values()
            output.values(type, count: count)
            try push(Level(isStructure: false, remaining: count, first: type))
        case .map:
            let (key, value, count) = try input.pairs()
            output.pairs(key, value, count: count)
            try push(Level(isStructure: false, remaining: 2 * count, first: key, second: value))
        }
    }
}
