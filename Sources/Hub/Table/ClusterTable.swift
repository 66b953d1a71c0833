import Membership
import Wire

/// What one cluster's packets are decided by: a candidate set for every type, the services that hear of closed sessions, the edges that a
/// push to all goes to; and what its members are told in PEERS.
///
/// `@unchecked Sendable`: immutable.
final class ClusterTable: @unchecked Sendable {
    /// Trivial; valid as long as the table.
    struct View {
        /// By the upper byte of a type, then by the lower.
        let pages: UnsafePointer<UnsafePointer<UnsafePointer<CandidateSet.View>>>
        /// Slots of services that asked for SESSION_CLOSED.
        let listeners: UnsafeBufferPointer<UInt32>
        /// Slots of the edges, draining ones left out.
        let edges: UnsafeBufferPointer<UInt32>

        @inline(__always)
        func candidates(for type: UInt16) -> UnsafePointer<CandidateSet.View> { pages[Int(type >> 8)][Int(type & 0xFF)] }
    }

    /// A run of types with the same candidates.
    struct Run: Equatable {
        var types: ClosedRange<UInt16>
        var set: CandidateSet
        static func == (a: Run, b: Run) -> Bool { a.types == b.types && a.set === b.set }
    }

    static let empty = ClusterTable(runs: [], listeners: [], edges: [], types: Ranges([] as [Claim]), edgeIDs: Ranges([] as [Claim]), before: nil)

    let view: View
    /// Sorted and disjoint; types in none of them have nobody.
    let runs: [Run]
    /// What edges and services of the cluster are told. Equal versions are equal lists.
    let peersOfEdges: (version: UInt64, list: Peers)
    let peersOfServices: (version: UInt64, list: Peers)

    private typealias Cell = UnsafePointer<CandidateSet.View>
    private let pages: UnsafeMutableBufferPointer<UnsafePointer<Cell>>
    private let cells: [UnsafeMutableBufferPointer<Cell>]
    private let listeners: UnsafeMutableBufferPointer<UInt32>
    private let edges: UnsafeMutableBufferPointer<UInt32>

    /// - Parameters:
    ///   - types: with a live service; for edges.
    ///   - edgeIDs: for services.
    ///   - before: the table that this one replaces, whose lists' versions go on counting.
    init(runs: [Run], listeners: [UInt32], edges: [UInt32], types: Ranges, edgeIDs: Ranges, before: ClusterTable?) {
        self.runs = runs
        self.listeners = .copy(of: listeners)
        self.edges = .copy(of: edges)
        (cells, pages) = ClusterTable.layOut(runs)
        view = View(
            pages: UnsafePointer(pages.baseAddress!),
            listeners: UnsafeBufferPointer(start: self.listeners.baseAddress!, count: listeners.count),
            edges: UnsafeBufferPointer(start: self.edges.baseAddress!, count: edges.count))
        peersOfEdges = ClusterTable.next(Peers(types), after: before?.peersOfEdges)
        peersOfServices = ClusterTable.next(Peers(edgeIDs), after: before?.peersOfServices)
    }

    /// The run that a type is in.
    func run(of type: UInt16) -> Run? {
        var (low, high) = (0, runs.count)
        while low < high {
            let middle = (low + high) / 2
            if runs[middle].types.upperBound < type { low = middle + 1 } else { high = middle }
        }
        return low < runs.count && runs[low].types.contains(type) ? runs[low] : nil
    }

    deinit {
        for page in cells { page.deallocate() }
        pages.deallocate()
        listeners.deallocate()
        edges.deallocate()
    }

    private static func next(_ list: Peers, after before: (version: UInt64, list: Peers)?) -> (version: UInt64, list: Peers) {
        guard let before else { return (1, list) }
        return before.list == list ? before : (before.version + 1, list)
    }

    /// Pages of 256 types; pages without a service are one page.
    private static func layOut(_ runs: [Run]) -> ([UnsafeMutableBufferPointer<Cell>], UnsafeMutableBufferPointer<UnsafePointer<Cell>>) {
        let nobody = UnsafeMutableBufferPointer<Cell>.copy(of: [Cell](repeating: CandidateSet.nobody.pointer, count: 256))
        var cells = [nobody]
        var pages = [UnsafePointer<Cell>](repeating: UnsafePointer(nobody.baseAddress!), count: 256)
        for run in runs {
            for type in run.types {
                let page = Int(type >> 8)
                if pages[page] == UnsafePointer(nobody.baseAddress!) {
                    let fresh = UnsafeMutableBufferPointer<Cell>.copy(of: Array(nobody))
                    cells.append(fresh)
                    pages[page] = UnsafePointer(fresh.baseAddress!)
                }
                cells[cells.count - 1][Int(type & 0xFF)] = run.set.pointer
            }
        }
        return (cells, .copy(of: pages))
    }
}
