package import NIOCore

/// The bodies that Switchyard itself reads and writes. Absent fields are 0 or empty, unknown ones are skipped, one of another type than
/// it should have counts as unknown.
///
/// | body            | fields                                                     |
/// |-----------------|------------------------------------------------------------|
/// | arguments       | 1 ``ProtoRequest``                                         |
/// | result          | 0 ``ProtoReply``, or another id: a declared exception      |
/// | exception       | ``ThriftException``                                        |
package enum ThriftBody {
    /// How a reply ended. An exception message is told by its type, not here.
    package enum Result: Equatable {
        case success(ProtoReply)
        /// A declared exception: the field that it stands in.
        case declared(Int16)
        /// No field at all: what a `void` method, or a server without an answer, says.
        case nothing
    }

    /// A ``ProtoRequest`` whose content is a place in the bytes that were read.
    package struct ArgumentPlaces: Equatable {
        package var type: Int32
        package var shardingID: Int64
        package var content: Range<Int>
    }

    /// A ``Result`` whose content is a place in the bytes that were read.
    package enum ResultPlaces: Equatable {
        case success(result: Int64, type: Int32, content: Range<Int>)
        case declared(Int16)
        case nothing
    }

    // MARK: - Reading

    /// Reads the arguments of a call. The content is a slice of `buffer`.
    /// - Parameter body: offsets from the reader index of `buffer`.
    package static func arguments(_ buffer: ByteBuffer, body: Range<Int>, encoding: ThriftEncoding) throws(WireError) -> ProtoRequest {
        let places = buffer.withUnsafeReadableBytes { bytes in
            Swift.Result { () throws(WireError) in try arguments(bytes, body: body, encoding: encoding) }
        }
        let found = try places.get()
        return ProtoRequest(type: found.type, content: slice(buffer, found.content), shardingID: found.shardingID)
    }

    /// Reads the arguments of a call where they lie.
    package static func arguments(
        _ bytes: UnsafeRawBufferPointer, body: Range<Int>, encoding: ThriftEncoding
    ) throws(WireError) -> ArgumentPlaces {
        var fields = Fields()
        try read(bytes, body, encoding) { (input: inout ThriftInput) throws(WireError) in
            try each(&input) { (field, input: inout ThriftInput) throws(WireError) in
                guard field.id == 1, field.type == .structure else { return false }
                fields = try Fields(&input, integers: (first: 1, second: 3), binary: 2)
                return true
            }
        }
        return ArgumentPlaces(type: Int32(truncatingIfNeeded: fields.first), shardingID: fields.second, content: fields.content)
    }

    /// Reads the result of a reply. The content is a slice of `buffer`.
    package static func result(_ buffer: ByteBuffer, body: Range<Int>, encoding: ThriftEncoding) throws(WireError) -> Result {
        let places = buffer.withUnsafeReadableBytes { bytes in
            Swift.Result { () throws(WireError) in try result(bytes, body: body, encoding: encoding) }
        }
        switch try places.get() {
        case .success(let result, let type, let content):
            return .success(ProtoReply(result: result, type: type, content: slice(buffer, content)))
        case .declared(let field): return .declared(field)
        case .nothing: return .nothing
        }
    }

    /// Reads the result of a reply where it lies.
    package static func result(_ bytes: UnsafeRawBufferPointer, body: Range<Int>, encoding: ThriftEncoding) throws(WireError) -> ResultPlaces {
        var fields: Fields?
        var declared: Int16?
        try read(bytes, body, encoding) { (input: inout ThriftInput) throws(WireError) in
            try each(&input) { (field, input: inout ThriftInput) throws(WireError) in
                guard field.id == 0, field.type == .structure else {
                    declared = field.id
                    return false
                }
                fields = try Fields(&input, integers: (first: 1, second: 2), binary: 3)
                return true
            }
        }
        if let fields { return .success(result: fields.first, type: Int32(truncatingIfNeeded: fields.second), content: fields.content) }
        return declared.map { .declared($0) } ?? .nothing
    }

    package static func exception(_ buffer: ByteBuffer, body: Range<Int>, encoding: ThriftEncoding) throws(WireError) -> ThriftException {
        var fields = Fields()
        try read(buffer, body, encoding) { (input: inout ThriftInput) throws(WireError) in
            fields = try Fields(&input, integers: (first: 2, second: 2), binary: 1)
        }
        return ThriftException(
            ThriftException.Kind(rawValue: Int32(truncatingIfNeeded: fields.first)), String(buffer: slice(buffer, fields.content)))
    }

    /// The i64 field 3 of the first argument, found by skipping what stands before it: what calls are spread by (rule S19).
    /// Nil when there is none, or when the bytes are not what they claim to be.
    package static func shardingID(_ bytes: UnsafeRawBufferPointer, body: Range<Int>, encoding: ThriftEncoding) -> Int64? {
        var input = ThriftInput(bytes, body: body, encoding: encoding)
        guard let argument = try? input.field(after: 0), argument.type == .structure else { return nil }
        var last: Int16 = 0
        while let field = try? input.field(after: last) {
            if field.id == 3 { return field.type == .i64 ? try? input.i64() : nil }
            guard (try? input.skip(field.type)) != nil else { return nil }
            last = field.id
        }
        return nil
    }

    /// What is wrong with bytes that are to be one structure and nothing behind it; nil when they are.
    package static func fault(inStructure bytes: UnsafeRawBufferPointer, encoding: ThriftEncoding) -> WireError? {
        var walker = ThriftWalker()
        walker.start(at: 0, encoding: encoding)
        switch walker.advance(bytes, limit: bytes.count) {
        case .end(bytes.count): return nil
        case .end(let end): return .badValue("\(bytes.count - end) bytes behind its end")
        case .incomplete: return .endsEarly
        case .malformed(let error): return error
        }
    }

    /// The three fields that each of the structures has some of.
    private struct Fields {
        var first: Int64 = 0
        var second: Int64 = 0
        var content = 0..<0

        init() {}

        init(_ input: inout ThriftInput, integers: (first: Int16, second: Int16), binary: Int16) throws(WireError) {
            var read = (first: Int64(0), second: Int64(0), content: 0..<0)
            try each(&input) { (field, input: inout ThriftInput) throws(WireError) in
                switch (field.id, field.type) {
                case (binary, .binary): read.content = try input.binary()
                case (integers.first, .i32): read.first = Int64(try input.i32())
                case (integers.first, .i64): read.first = try input.i64()
                case (integers.second, .i32): read.second = Int64(try input.i32())
                case (integers.second, .i64): read.second = try input.i64()
                default: return false
                }
                return true
            }
            (first, second, content) = read
        }
    }

    /// Visits each field of the structure that begins here; what `visit` does not take is skipped.
    private static func each(
        _ input: inout ThriftInput, _ visit: (ThriftInput.Field, inout ThriftInput) throws(WireError) -> Bool
    ) throws(WireError) {
        var last: Int16 = 0
        while let field = try input.field(after: last) {
            if try !visit(field, &input) { try input.skip(field.type) }
            last = field.id
        }
    }

    private static func read(
        _ bytes: UnsafeRawBufferPointer, _ body: Range<Int>, _ encoding: ThriftEncoding, _ work: (inout ThriftInput) throws(WireError) -> Void
    ) throws(WireError) {
        var input = ThriftInput(bytes, body: body, encoding: encoding)
        try work(&input)
    }

    private static func read(
        _ buffer: ByteBuffer, _ body: Range<Int>, _ encoding: ThriftEncoding, _ work: (inout ThriftInput) throws(WireError) -> Void
    ) throws(WireError) {
        let error: WireError? = buffer.withUnsafeReadableBytes { bytes in
            do throws(WireError) {
                try read(bytes, body, encoding, work)
                return nil
            } catch {
                return error
            }
        }
        if let error { throw error }
    }

    private static func slice(_ buffer: ByteBuffer, _ range: Range<Int>) -> ByteBuffer {
        buffer.getSlice(at: buffer.readerIndex + range.lowerBound, length: range.count) ?? ByteBuffer()
    }
}
