import Links

/// What one event loop hands to another: entries, packed one behind the other in a batch.
///
/// | offset | size | field                                                        |
/// |--------|------|--------------------------------------------------------------|
/// | 0      | 1    | kind                                                         |
/// | 4      | 4    | source: the connection that the bytes came by, none, or 1    |
/// |        |      | for a packet to an upstream that has been re-routed once     |
/// | 8      | 8    | target: a session or a connection                            |
/// | 16     | 8    | count of the bytes that follow                               |
/// | 24     | n    | a packet, in the format of the link that it is for           |
///
/// Never leaves the process; integers are in the machine's order.
struct Crossing: BatchEntry {
    enum Kind: UInt8 {
        /// A client's packet for the connection `target`.
        case toUpstream
        /// A control packet of ours for the connection `target`.
        case noticeToUpstream
        /// A server's packet for the session `target`.
        case toClient
        /// A control packet of ours for the session `target`; one that is gone is no loss.
        case noticeToClient
        /// KICK, BIND, MULTICAST or a push to a user, for this loop's sessions, in the format of `source`. `target`: the push's ticket.
        case control
        /// How many sessions a push reached; `target`: its ticket, `source`: the count.
        case pushResult
        /// Every packet that this loop had for the connection `target` has been handed over (DRAIN).
        case stopped
    }

    static let size = 24
    static let noSource = UInt32.max
    /// The source of a packet that was re-routed: it is not re-routed again (rule S3).
    static let rerouted: UInt32 = 1

    var kind: Kind
    var source: UInt32
    var target: UInt64
    var count: Int

    init(_ kind: Kind, source: UInt32 = Crossing.noSource, target: UInt64, count: Int) {
        self.kind = kind
        self.source = source
        self.target = target
        self.count = count
    }

    /// Guard: written by ``store(to:)`` in this process, so the bytes are there and the kind is known.
    init?(at bytes: UnsafeRawPointer) {
        guard let kind = Kind(rawValue: bytes.load(as: UInt8.self)) else { return nil }
        self.kind = kind
        source = (bytes + 4).loadUnaligned(as: UInt32.self)
        target = (bytes + 8).loadUnaligned(as: UInt64.self)
        count = (bytes + 16).loadUnaligned(as: Int.self)
    }

    func store(to bytes: UnsafeMutableRawPointer) {
        bytes.storeBytes(of: kind.rawValue, as: UInt8.self)
        (bytes + 4).storeBytes(of: source, as: UInt32.self)
        (bytes + 8).storeBytes(of: target, as: UInt64.self)
        (bytes + 16).storeBytes(of: count, as: Int.self)
    }
}
