import Links
import NIOCore
public import Wire

/// A packet where its socket put it, for as long as its handler runs: it can be read and answered, and is copied only when asked to be.
///
/// Handlers of ``PacketRouter/inline(_:inPlace:)-(ClosedRange<UInt16>,_)`` are lent one.
public struct PacketInPlace: ~Copyable {
    /// Type, length and address.
    public let header: PacketHeader
    private let body: UnsafeRawBufferPointer
    // Guard: whoever lends this to a handler holds both, and the bytes, until that returns.
    private let link: Unmanaged<DeskLink>
    private let wire: Unmanaged<Link>

    @inline(__always)
    init(_ header: PacketHeader, _ body: UnsafeRawBufferPointer, from link: DeskLink, on wire: Link) {
        self.header = header
        self.body = body
        self.link = .passUnretained(link)
        self.wire = .passUnretained(wire)
    }

    /// For whoever tells the sender that there is no answer.
    func withSender(_ tell: (DeskLink, UnsafeRawBufferPointer) -> Void) { link._withUnsafeGuaranteedRef { tell($0, body) } }

    /// Where the packet came from: to push to it later, to bind its session to a user, to close it.
    public var connection: PacketConnection { link._withUnsafeGuaranteedRef { PacketConnection(origin: $0.handle, header: header) } }

    /// Shows the body. The address means nothing when `look` has returned.
    public func withUnsafeBytes<Result>(_ look: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result { try look(body) }

    /// The packet as a value, which may be kept.
    public func copy() -> Packet { Packet(header: header, body: ByteBuffer(bytes: body)) }

    /// The type, 0 ... 0xFEFF.
    public var type: UInt16 { header.type }

    /// The body as text; what is not UTF-8 is repaired.
    public var text: String { String(decoding: body, as: UTF8.self) }

    /// Answers with the packet's own body.
    ///
    /// Each call of a `reply` sends the packet's sender one packet, with its identity filled in, in the order of the calls and of pushes. What a link
    /// that is over does not take, or a hub that does not read, is dropped and counted. An error that is thrown behind a reply is answered as well.
    /// - Parameter type: of the answer, 0 ... 0xFEFF; nil means the packet's.
    /// - Throws: when that is a control type.
    public func reply(type: UInt16? = nil) throws { try reply(body, type: type) }

    /// Answers with these bytes, which are taken at once.
    /// - Parameters:
    ///   - bytes: at most ``PacketHeader/maxBody``.
    ///   - type: of the answer, 0 ... 0xFEFF; nil means the packet's.
    /// - Throws: when there are more bytes, and when the type is a control type.
    public func reply(_ bytes: UnsafeRawBufferPointer, type: UInt16? = nil) throws {
        try send(PacketHeader(bodyCount: bytes.count, type: type ?? header.type), bytes)
    }

    /// Answers with this text in UTF-8.
    /// - Parameters:
    ///   - text: at most ``PacketHeader/maxBody`` bytes.
    ///   - type: of the answer, 0 ... 0xFEFF; nil means the packet's.
    /// - Throws: when there are more bytes, and when the type is a control type.
    public func reply(_ text: String, type: UInt16? = nil) throws {
        var text = text
        try text.withUTF8 { try reply(UnsafeRawBufferPointer($0), type: type) }
    }

    /// Answers with a packet, whose user and token replace the sender's if the user is not 0.
    /// - Throws: when it has a control type, or more than ``PacketHeader/maxBody`` bytes.
    public func reply(_ packet: Packet) throws { try packet.body.withUnsafeReadableBytes { try send(packet.header, $0) } }

    @inline(__always)
    private func send(_ answer: PacketHeader, _ bytes: UnsafeRawBufferPointer) throws {
        var answer = answer
        guard answer.address(as: header, bodyCount: bytes.count) else { throw BadReply(type: answer.type, bytes: answer.length) }
        link._withUnsafeGuaranteedRef { $0.answer(answer, bytes, on: wire) }
    }
}
