public import Wire

/// How the bytes of a link are to be read.
public enum Framing: Sendable, Equatable {
    case packets(WireFormat)
    case rpc
    case thrift
}

/// The link that tapped bytes belong to.
public struct TappedLink: Sendable, Equatable {
    public var id: UInt64
    public var side: String
    public var local: String
    public var remote: String
    /// Of a client's link: what its packets are stamped with; they come without it.
    public var session: UInt64?
    public var user: UInt64?
    public var framing: Framing

    public init(
        id: UInt64, side: String, local: String, remote: String, session: UInt64? = nil, user: UInt64? = nil, framing: Framing
    ) {
        self.id = id
        self.side = side
        self.local = local
        self.remote = remote
        self.session = session
        self.user = user
        self.framing = framing
    }
}

/// Listens to what the links of a role read and write, while someone traces or captures. Without one, a link pays one branch for each read
/// and each block that it writes.
public protocol StreamTap: Sendable {
    /// Bytes in the order of the stream: what a read brought, or a block that is handed to the socket. The first piece of a link begins at the
    /// start of a frame. Called on the link's loop, which waits; the bytes are gone when it returns.
    func bytes(_ bytes: UnsafeRawBufferPointer, of link: TappedLink, _ direction: Direction)
}
