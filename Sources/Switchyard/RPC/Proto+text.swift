import NIOCore
public import Wire

extension ProtoRequest {
    /// A request whose content is `text` in UTF-8.
    public init(type: Int32, text: String, shardingID: Int64 = 0) {
        self.init(type: type, content: ByteBuffer(string: text), shardingID: shardingID)
    }

    /// The content as text; what is not UTF-8 is repaired.
    public var text: String { String(buffer: content) }
}

extension ProtoReply {
    /// A reply whose content is `text` in UTF-8.
    public init(result: Int64 = 0, type: Int32 = 0, text: String) {
        self.init(result: result, type: type, content: ByteBuffer(string: text))
    }

    /// The content as text; what is not UTF-8 is repaired.
    public var text: String { String(buffer: content) }
}
