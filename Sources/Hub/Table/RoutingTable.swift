import Membership
import Synchronization
import Wire

/// Everything that a packet's way is decided by, as it was at one moment. Built off the event loops, never changed, swapped whole.
///
/// Loops read it through ``view``, which is plain addresses: a reference that every loop retained for every packet would be one cache line
/// that all of them fight over.
///
/// `@unchecked Sendable`: immutable but for the atomic count; what ``view`` points to lives as long as this object and the parts it holds.
final class RoutingTable: @unchecked Sendable {
    let version: UInt64
    let view: TableView
    /// Of each registration, by slot.
    let gauges: [LinkGauge?]
    /// By their place in ``TableView/clusters``; nil where no member is of that cluster.
    let clusters: [ClusterTable?]
    /// Loops that do not have it yet.
    private let awaited: Atomic<Int>
    private let places: UnsafeMutableBufferPointer<TableView.Place>
    private let clusterViews: UnsafeMutableBufferPointer<ClusterTable.View>
    private let edges: EdgeIndex

    init(version: UInt64, places: [TableView.Place], gauges: [LinkGauge?], clusters: [ClusterTable?], edges: EdgeIndex, loops: Int) {
        self.version = version
        self.gauges = gauges
        self.clusters = clusters
        self.edges = edges
        awaited = Atomic(loops)
        self.places = .copy(of: places)
        clusterViews = .copy(of: clusters.map { ($0 ?? ClusterTable.empty).view })
        view = TableView(
            places: UnsafePointer(self.places.baseAddress!), clusters: UnsafePointer(clusterViews.baseAddress!), edges: edges.view)
    }

    deinit {
        places.deallocate()
        clusterViews.deallocate()
    }

    /// One more loop has it and has handed over what it had decided by the last one. True for the last loop.
    func taken() -> Bool { awaited.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 }
}

/// A ``RoutingTable`` as the path of a packet reads it. Trivial: copying it counts no references.
struct TableView {
    /// One registration.
    struct Place {
        /// ``MemberID/raw``; 0 where nothing is registered.
        var id: UInt64 = 0
        var cluster: UInt32 = 0
        /// Of that cluster, in ``clusters``.
        var clusterPlace: UInt32 = 0
        var loop: UInt32 = 0
    }

    let places: UnsafePointer<Place>
    let clusters: UnsafePointer<ClusterTable.View>
    let edges: EdgeIndex.View
}
