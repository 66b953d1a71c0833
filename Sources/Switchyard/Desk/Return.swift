/// One entry of a ``ReturnBox``: what a handler's thread, or any other, leaves for a link's event loop.
///
/// | offset | size | field                                                                            |
/// |--------|------|----------------------------------------------------------------------------------|
/// | 0      | 8    | target: the number of a link of that loop; 0 is the loop itself                  |
/// | 8      | 8    | finishes: bytes of the packet whose handling this ends, header included; 0: none |
/// | 16     | 8    | count of the bytes that follow                                                   |
/// | 24     | n    | nothing, or one packet in the standard format                                    |
///
/// Never leaves the process; integers are in the machine's order.
struct Return {
    static let size = 24

    var target: UInt64
    var finishes: Int
    var count: Int

    init(target: UInt64, finishes: Int, count: Int) {
        self.target = target
        self.finishes = finishes
        self.count = count
    }

    /// Guard: written by ``store(to:)`` in this process.
    init(at bytes: UnsafeRawPointer) {
        target = bytes.loadUnaligned(as: UInt64.self)
        finishes = (bytes + 8).loadUnaligned(as: Int.self)
        count = (bytes + 16).loadUnaligned(as: Int.self)
    }

    func store(to bytes: UnsafeMutableRawPointer) {
        bytes.storeBytes(of: target, as: UInt64.self)
        (bytes + 8).storeBytes(of: finishes, as: Int.self)
        (bytes + 16).storeBytes(of: count, as: Int.self)
    }
}
