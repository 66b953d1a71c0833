/// The clients of one event loop. Finding one by session is an array read and a comparison.
struct ClientTable {
    private var slots: [ClientLink?] = [nil]
    private var free: [Int] = []
    private var tags: TagSequence
    private let loop: Int
    private(set) var count = 0

    init(loop: Int, key: (UInt64, UInt64)) {
        self.loop = loop
        // Loops share the key; without this a client of one would learn the tags of all.
        tags = TagSequence(key: (key.0, key.1 ^ UInt64(loop)))
    }

    /// Gives `client` a session of its own; nil when the loop has no place left.
    mutating func insert(_ client: ClientLink) -> UInt64? {
        let slot: Int
        if let reused = free.popLast() {
            slot = reused
        } else {
            guard slots.count < SessionID.maxSlots else { return nil }
            slot = slots.count
            slots.append(nil)
        }
        slots[slot] = client
        count += 1
        return SessionID.make(loop: loop, slot: slot, tag: tags.next())
    }

    @inline(__always)
    func find(_ session: UInt64) -> ClientLink? {
        let slot = SessionID.slot(of: session)
        guard slot < slots.count, let client = slots[slot], client.session == session else { return nil }
        return client
    }

    mutating func remove(_ session: UInt64) {
        guard find(session) != nil else { return }
        let slot = SessionID.slot(of: session)
        slots[slot] = nil
        free.append(slot)
        count -= 1
    }

    /// Everyone, in no order.
    var all: [ClientLink] { slots.compactMap(\.self) }
}
