import Links

/// What one event loop hands to another: entries, packed one behind the other in a batch.
///
/// | offset | size | field                                      |
/// |--------|------|--------------------------------------------|
/// | 0      | 1    | kind                                       |
/// | 4      | 4    | count of the bytes that follow             |
/// | 8      | 8    | the agent's registration                   |
/// | 16     | n    | a frame, whose `call_id` is the hub's; or, of an agent that is gone, the loop that says so (8 bytes) |
///
/// Never leaves the process; integers are in the machine's order.
struct Crossing: BatchEntry {
    enum Kind: UInt8 {
        /// From a caller's loop: a REQUEST for the agent.
        case request
        /// From a caller's loop: a CANCEL for the agent.
        case cancel
        /// From the agent's loop: its answer.
        case answer
        /// From the agent's loop: its link is gone.
        case gone
        /// From the agent's loop: a REQUEST that was not written.
        case returned
        /// From a caller's loop: nothing more was sent to that agent after this.
        case fence
        /// From the agent's loop: nothing more comes back from it after this.
        case ended
    }

    static let size = 16
    static let senderSize = 8
    static func sender(at bytes: UnsafeRawPointer) -> Int { Int(bytes.loadUnaligned(as: UInt64.self)) }

    var kind: Kind
    var count: Int
    var agent: UInt64

    init(_ kind: Kind, agent: UInt64, count: Int = 0) {
        self.kind = kind
        self.count = count
        self.agent = agent
    }

    /// Guard: written by ``store(to:)`` in this process, so the bytes are there and the kind is known.
    @inline(__always)
    init?(at bytes: UnsafeRawPointer) {
        guard let kind = Kind(rawValue: bytes.load(as: UInt8.self)) else { return nil }
        self.kind = kind
        count = Int((bytes + 4).loadUnaligned(as: UInt32.self))
        agent = (bytes + 8).loadUnaligned(as: UInt64.self)
    }

    @inline(__always)
    func store(to bytes: UnsafeMutableRawPointer) {
        bytes.storeBytes(of: kind.rawValue, as: UInt8.self)
        (bytes + 4).storeBytes(of: UInt32(truncatingIfNeeded: count), as: UInt32.self)
        (bytes + 8).storeBytes(of: agent, as: UInt64.self)
    }
}

/// The `call_id` that an agent sees: the loop that keeps the call in the upper 8 bits, below it the number in the agent's table there.
/// 0 for oneway calls.
enum HubCall {
    @inline(__always) static func id(_ number: UInt64, loop: Int) -> UInt64 { UInt64(loop) << 56 | number }
    @inline(__always) static func loop(_ id: UInt64) -> Int { Int(id >> 56) }
    @inline(__always) static func number(_ id: UInt64) -> UInt64 { id & 0xFF_FFFF_FFFF_FFFF }
}
