import Links
package import NIOCore
package import Wire

/// A client's call, seen where it lies: valid during ``ThriftCallHandler/call(_:from:)`` alone.
package struct ThriftCall {
    package let head: ThriftHead
    /// The whole message; `head` counts from its first byte.
    package let bytes: UnsafeRawBufferPointer
    /// What the answer is given with; 0 for a oneway call, which has none (rule S23).
    package let ticket: UInt64
    /// Alive as long as the bytes are; a reference that is counted would cost each call more than reading its head.
    private let link: Unmanaged<Link>

    init(_ head: ThriftHead, _ bytes: UnsafeRawBufferPointer, ticket: UInt64, link: Link) {
        self.head = head
        self.bytes = bytes
        self.ticket = ticket
        self.link = .passUnretained(link)
    }

    package var isOneway: Bool { head.type == .oneway }
    package var encoding: ThriftEncoding { head.form.protocol.encoding }
    package var name: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[head.name]) }
    package var body: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[head.body]) }
    package var info: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[head.info]) }
    /// The body once more, where it is too long to be copied.
    package var sharedBody: ByteBuffer? { link._withUnsafeGuaranteedRef { $0.sharedInput(body) } }

    /// The call's bytes to keep: shared where they are many, else copied.
    package func keptBytes() -> ByteBuffer { sharedBytes ?? ByteBuffer(bytes: bytes) }
    /// The call's bytes to keep, where they are too many to be copied.
    package var sharedBytes: ByteBuffer? { link._withUnsafeGuaranteedRef { $0.sharedInput(bytes) } }
}

/// An answer as it is to go out: its parts, seen where they lie.
package struct ThriftAnswer {
    /// A reply, or an exception.
    package var type: ThriftMessageType
    package var encoding: ThriftEncoding
    package var body: UnsafeRawBufferPointer
    /// The body once more where it can be shared instead of copied.
    package var shared: ByteBuffer?
    /// A THeader's info headers; they go on when the client speaks THeader.
    package var info: UnsafeRawBufferPointer

    package init(
        _ type: ThriftMessageType, encoding: ThriftEncoding, body: UnsafeRawBufferPointer, shared: ByteBuffer? = nil,
        info: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
    ) {
        self.type = type
        self.encoding = encoding
        self.body = body
        self.shared = shared
        self.info = info
    }
}

/// Who answers the calls that come in at a ``ThriftDoor``, one for each event loop: a server's functions, a proxy, a hub.
package protocol ThriftCallHandler: AnyObject {
    /// A call came. It is answered exactly once with ``ThriftConnection/answer(_:_:)`` or its relatives, now or later, on this loop;
    /// a oneway call never.
    func call(_ call: ThriftCall, from connection: ThriftConnection)
    /// The client is gone; answers for it go nowhere.
    func connectionClosed(_ connection: ThriftConnection)
}
