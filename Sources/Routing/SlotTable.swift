/// Nodes with something attached, and which of them owns each of the 4,096 slots: a choice is one array read.
///
/// A node that joins or leaves is worked in at a cost of a few thousand mixes, whatever the number of nodes, because only the slots
/// that change hands are touched. Always equal to ``Choice/owners(among:)`` of its nodes.
public struct SlotTable<Element> {
    @usableFromInline private(set) var elements: [Element] = []
    private var nodes: [UInt64] = []
    /// The owner's position in ``elements``, for each slot; empty while there are fewer than two.
    @usableFromInline private(set) var owners: [UInt16] = []

    public init() {}

    public var isEmpty: Bool { elements.isEmpty }
    /// What is attached, in no order that means anything.
    public var all: [Element] { elements }

    /// The element that a key's slot falls to; nil when there is none.
    @inlinable
    public subscript(slot: Int) -> Element? {
        switch elements.count {
        case 0: nil
        case 1: elements[0]
        default: elements[Int(owners[slot])]
        }
    }

    /// Adds a node, or replaces what is attached to it.
    public mutating func insert(_ node: UInt64, _ element: Element) {
        if let known = nodes.firstIndex(of: node) {
            elements[known] = element
            return
        }
        nodes.append(node)
        elements.append(element)
        guard nodes.count > 1 else { return }
        if owners.isEmpty { owners = [UInt16](repeating: 0, count: Choice.slots) }
        let newcomer = UInt16(truncatingIfNeeded: nodes.count - 1)
        let nodes = nodes
        owners.withUnsafeMutableBufferPointer { owners in
            for slot in owners.indices {
                let held = nodes[Int(owners[slot])]
                let (mine, theirs) = (Choice.weight(node: node, slot: slot), Choice.weight(node: held, slot: slot))
                if (mine, node) > (theirs, held) { owners[slot] = newcomer }
            }
        }
    }

    /// Removes a node; unknown ones are ignored.
    public mutating func remove(_ node: UInt64) {
        guard let gone = nodes.firstIndex(of: node) else { return }
        let last = nodes.count - 1
        nodes.swapAt(gone, last)
        elements.swapAt(gone, last)
        nodes.removeLast()
        elements.removeLast()
        guard nodes.count > 1 else {
            owners = []
            return
        }
        for slot in 0..<Choice.slots {
            if owners[slot] == gone {
                owners[slot] = UInt16(truncatingIfNeeded: Choice.owner(of: slot, among: nodes) ?? 0)
            } else if owners[slot] == last {
                owners[slot] = UInt16(truncatingIfNeeded: gone)
            }
        }
    }
}
