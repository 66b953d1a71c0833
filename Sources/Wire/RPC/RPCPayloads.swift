public import NIOCore

/// The payload of a REQUEST (protocol section 3): the same three values that a Thrift call carries as fields.
///
/// | offset | size | field         |
/// |--------|------|---------------|
/// | 0      | 4    | `type` i32    |
/// | 4      | 8    | `sharding_id` |
/// | 12     | n    | content       |
extension ProtoRequest {
    /// Bytes before the content; a payload with fewer is malformed (code 9).
    @inlinable public static var leastPayload: Int { 12 }

    /// Reads a payload; the content is a slice of it.
    public init(payload: ByteBuffer) throws(WireError) {
        var payload = payload
        let type: Int32 = try payload.take("REQUEST type")
        let shardingID: Int64 = try payload.take("REQUEST sharding_id")
        self.init(type: type, content: payload, shardingID: shardingID)
    }

    /// Appends the payload's bytes.
    public func writePayload(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(type, shardingID)
        buffer.writeImmutableBuffer(content)
    }

    /// Bytes of the whole payload.
    public var payloadCount: Int { ProtoRequest.leastPayload + content.readableBytes }

    /// The sharding id of a payload that has ``leastPayload`` bytes.
    @inlinable
    package static func shardingID(at payload: UnsafeRawPointer) -> Int64 {
        Int64(bigEndian: (payload + 4).loadUnaligned(as: Int64.self))
    }
}

/// The payload of a REPLY (protocol section 3).
///
/// | offset | size | field      |
/// |--------|------|------------|
/// | 0      | 8    | `result`   |
/// | 8      | 4    | `type` i32 |
/// | 12     | n    | content    |
extension ProtoReply {
    /// Bytes before the content; with fewer the answer is broken (code 14).
    @inlinable public static var leastPayload: Int { 12 }

    /// Reads a payload; the content is a slice of it.
    public init(payload: ByteBuffer) throws(WireError) {
        var payload = payload
        let result: Int64 = try payload.take("REPLY result")
        let type: Int32 = try payload.take("REPLY type")
        self.init(result: result, type: type, content: payload)
    }

    /// Appends the payload's bytes.
    public func writePayload(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(result, type)
        buffer.writeImmutableBuffer(content)
    }

    /// Bytes of the whole payload.
    public var payloadCount: Int { ProtoReply.leastPayload + content.readableBytes }
}
