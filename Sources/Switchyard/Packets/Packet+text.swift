import NIOCore
public import Wire

extension Packet {
    /// A packet of `type` whose body is `text` in UTF-8.
    public init(type: UInt16, text: String) { self.init(type: type, body: ByteBuffer(string: text)) }

    /// The type, 0 ... 0xFEFF.
    public var type: UInt16 { header.type }

    /// The body as text; what is not UTF-8 is repaired.
    public var text: String { String(buffer: body) }
}
