/// Whoever holds a session of a ``ClientTable``.
public protocol SessionHolder: AnyObject {
    /// Its whole number; 0 while it has none.
    var session: UInt64 { get }
}

/// The clients of one event loop. Finding one by session is an array read and a comparison.
///
/// Public and inlinable, because a packet on its way back asks: members of a `package` type are not inlined across targets.
public struct ClientTable<Client: SessionHolder> {
    private var slots: [Client?] = [nil]
    /// The same, for whoever asks for each packet: to hand out a client counts a reference.
    @usableFromInline var references: [Unmanaged<Client>?] = [nil]
    private var free: [Int] = []
    private var tags: TagSequence
    private let loop: Int
    package private(set) var count = 0

    package init(loop: Int, key: (UInt64, UInt64)) {
        self.loop = loop
        // Loops share the key; without this a client of one would learn the tags of all.
        tags = TagSequence(key: (key.0, key.1 ^ UInt64(loop)))
    }

    /// Gives `client` a session of its own; nil when the loop has no place left.
    package mutating func insert(_ client: Client) -> UInt64? {
        let slot: Int
        if let reused = free.popLast() {
            slot = reused
        } else {
            guard slots.count < SessionID.maxSlots else { return nil }
            slot = slots.count
            slots.append(nil)
            references.append(nil)
        }
        slots[slot] = client
        references[slot] = .passUnretained(client)
        count += 1
        return SessionID.make(loop: loop, slot: slot, tag: tags.next())
    }

    @inlinable
    @inline(__always)
    public func find(_ session: UInt64) -> Client? {
        reference(session)?.takeUnretainedValue()
    }

    /// The same without counting a reference. Guard: good until the client is removed, or as long as whoever removes it still holds it.
    @inlinable
    @inline(__always)
    public func reference(_ session: UInt64) -> Unmanaged<Client>? {
        let slot = SessionID.slot(of: session)
        guard slot < references.count, let client = references[slot], client._withUnsafeGuaranteedRef({ $0.session == session }) else { return nil }
        return client
    }

    package mutating func remove(_ session: UInt64) {
        guard find(session) != nil else { return }
        let slot = SessionID.slot(of: session)
        slots[slot] = nil
        references[slot] = nil
        free.append(slot)
        count -= 1
    }

    /// Everyone, in no order.
    package var all: [Client] { slots.compactMap(\.self) }
}
