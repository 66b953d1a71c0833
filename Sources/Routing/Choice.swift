/// The choice function: everyone who chooses among instances or hubs computes the same thing.
///
/// Rendezvous hashing over 4,096 slots: a node that joins or leaves moves only its own share of the keys.
/// Source: protocol section 4.
public enum Choice {
    /// Slots of a table.
    @inlinable public static var slots: Int { 4096 }

    /// Mixes 64 bits; wrapping arithmetic.
    @inlinable
    public static func mix(_ value: UInt64) -> UInt64 {
        var x = value
        x ^= x >> 30
        x &*= 0xBF58_476D_1CE4_E5B9
        x ^= x >> 27
        x &*= 0x94D0_49BB_1331_11EB
        x ^= x >> 31
        return x
    }

    /// The slot of a key: 0 ... 4,095.
    @inlinable
    public static func slot(of key: UInt64) -> Int { Int(mix(key) >> 52) }

    /// How strongly `node` claims `slot`; the largest owns it.
    @inlinable
    public static func weight(node: UInt64, slot: Int) -> UInt64 { mix(mix(node) &+ UInt64(slot)) }

    /// The position in `nodes` of the owner of `slot`; nil when there are none. Ties go to the larger node.
    public static func owner(of slot: Int, among nodes: [UInt64]) -> Int? {
        guard var best = nodes.indices.first else { return nil }
        var bestWeight = weight(node: nodes[best], slot: slot)
        for index in nodes.indices.dropFirst() {
            let weight = weight(node: nodes[index], slot: slot)
            if weight > bestWeight || (weight == bestWeight && nodes[index] > nodes[best]) {
                best = index
                bestWeight = weight
            }
        }
        return best
    }

    /// The owner of every slot, as positions in `nodes`; empty without nodes. Costs 4,096 mixes for each node.
    /// - Precondition: at most 65,536 nodes.
    public static func owners(among nodes: [UInt64]) -> [UInt16] {
        guard !nodes.isEmpty else { return [] }
        return (0..<slots).map { slot in UInt16(truncatingIfNeeded: owner(of: slot, among: nodes) ?? 0) }
    }

    /// FNV-1a 64 of a name's UTF-8 bytes: a hub's default id, and the node of a direct connection (`ADDRESS#I`).
    public static func fnv1a(_ name: String) -> UInt64 {
        name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}
