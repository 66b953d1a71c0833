public import NIOCore

/// What an RPC function is given.
///
/// | field | type   | name        |
/// |-------|--------|-------------|
/// | 1     | i32    | type        |
/// | 2     | binary | content     |
/// | 3     | i64    | sharding_id |
public struct ProtoRequest: Sendable, Hashable {
    /// What is asked.
    public var type: Int32
    /// The bytes of the question.
    public var content: ByteBuffer
    /// Calls with equal ids that are not 0 go the same way wherever a way is chosen.
    public var shardingID: Int64

    /// A request with these fields.
    public init(type: Int32, content: ByteBuffer = ByteBuffer(), shardingID: Int64 = 0) {
        self.type = type
        self.content = content
        self.shardingID = shardingID
    }
}

/// What an RPC function returns.
///
/// | field | type   | name    |
/// |-------|--------|---------|
/// | 1     | i64    | result  |
/// | 2     | i32    | type    |
/// | 3     | binary | content |
public struct ProtoReply: Sendable, Hashable {
    /// 0, or the application's own code for what went wrong.
    public var result: Int64
    /// What is answered.
    public var type: Int32
    /// The bytes of the answer.
    public var content: ByteBuffer

    /// A reply with these fields.
    public init(result: Int64 = 0, type: Int32 = 0, content: ByteBuffer = ByteBuffer()) {
        self.result = result
        self.type = type
        self.content = content
    }
}
