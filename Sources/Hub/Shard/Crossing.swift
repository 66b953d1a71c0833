import Links

/// What one event loop hands to another: entries, packed one behind the other in a batch.
///
/// | offset | size | field                                                              |
/// |--------|------|--------------------------------------------------------------------|
/// | 0      | 1    | kind                                                               |
/// | 4      | 4    | count of the bytes that follow                                     |
/// | 8      | 8    | target: a registration                                             |
/// | 16     | 8    | origin: the registration that a packet came from, or rerouted      |
/// | 24     | n    | a packet                                                           |
///
/// Never leaves the process; integers are in the machine's order.
struct Crossing: BatchEntry {
    enum Kind: UInt8 {
        /// An edge's packet for a service, to be answered for if it cannot be delivered.
        case toService
        /// A service's packet for an edge, likewise.
        case toEdge
        /// A control packet that nobody answers for.
        case notice
    }

    static let size = 24

    var kind: Kind
    var count: Int
    var target: UInt64
    var origin: UInt64

    init(_ kind: Kind, target: UInt64, origin: UInt64, count: Int) {
        self.kind = kind
        self.count = count
        self.target = target
        self.origin = origin
    }

    /// Guard: written by ``store(to:)`` in this process, so the bytes are there and the kind is known.
    @inline(__always)
    init?(at bytes: UnsafeRawPointer) {
        guard let kind = Kind(rawValue: bytes.load(as: UInt8.self)) else { return nil }
        self.kind = kind
        count = Int((bytes + 4).loadUnaligned(as: UInt32.self))
        target = (bytes + 8).loadUnaligned(as: UInt64.self)
        origin = (bytes + 16).loadUnaligned(as: UInt64.self)
    }

    @inline(__always)
    func store(to bytes: UnsafeMutableRawPointer) {
        bytes.storeBytes(of: kind.rawValue, as: UInt8.self)
        (bytes + 4).storeBytes(of: UInt32(truncatingIfNeeded: count), as: UInt32.self)
        (bytes + 8).storeBytes(of: target, as: UInt64.self)
        (bytes + 16).storeBytes(of: origin, as: UInt64.self)
    }
}
