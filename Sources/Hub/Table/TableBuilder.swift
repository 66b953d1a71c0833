import Membership
import Wire

/// Builds routing tables from registrations, one after the other; what a change does not concern is taken from the last one. Pure.
///
/// Costs: the clusters concerned are worked through anew, by the borders of their claims; a candidate set that has not changed is reused,
/// and one that has changed a little costs a few thousand mixes for each change.
struct TableBuilder: MembershipTables {
    /// What the registrar knows of one registration's link.
    struct Endpoint: MemberEndpoint {
        let loop: Int
        let gauge: LinkGauge
    }

    typealias Entry = Registry<Endpoint>.Entry

    private let loops: Int
    private var version: UInt64 = 0
    private var tables: [UInt32: ClusterTable] = [:]
    private var sets: [[CandidateSet.Candidate]: CandidateSet] = [:]
    /// The place of each cluster that has members.
    private var places: [UInt32: Int] = [:]
    private var members: [UInt32: Int] = [:]
    private var freePlaces: [Int] = []
    private var changed: Set<UInt32> = []
    private var edgesChanged = true
    private var edgeIndex = EdgeIndex([])

    init(loops: Int) { self.loops = loops }

    // MARK: - Changes

    /// A member came. Returns its cluster's place in tables.
    mutating func joined(_ member: Member) -> Int {
        let cluster = member.cluster
        members[cluster, default: 0] += 1
        touched(member)
        if let place = places[cluster] { return place }
        let place = freePlaces.popLast() ?? places.count
        places[cluster] = place
        return place
    }

    /// A member said or did something that changes tables.
    mutating func touched(_ member: Member) {
        changed.insert(member.cluster)
        if case .edge = member.identity { edgesChanged = true }
    }

    /// A member went.
    mutating func left(_ member: Member) {
        touched(member)
        let cluster = member.cluster
        guard let count = members[cluster] else { return }
        guard count == 1 else {
            members[cluster] = count - 1
            return
        }
        members[cluster] = nil
        tables[cluster] = nil
        if let place = places.removeValue(forKey: cluster) { freePlaces.append(place) }
    }

    // MARK: - Building

    mutating func build(_ entries: [Entry?]) -> RoutingTable {
        version += 1
        let byCluster = Dictionary(grouping: entries.compactMap { $0 }) { $0.member.cluster }
        let common = byCluster[0] ?? []
        // What serves every cluster concerns every cluster; and cluster 0's list of edges is every edge.
        let concerned = changed.contains(0) ? Set(byCluster.keys) : changed.union(edgesChanged ? [0] : [])
        for cluster in concerned where places[cluster] != nil {
            let edges = cluster == 0 ? entries.compactMap { $0 } : byCluster[cluster] ?? []
            tables[cluster] = table(of: cluster, own: byCluster[cluster] ?? [], common: cluster == 0 ? [] : common, edges: edges)
        }
        forgetUnusedSets()
        if edgesChanged { edgeIndex = EdgeIndex(entries.compactMap { $0.flatMap(TableBuilder.liveEdge) }) }
        changed = []
        edgesChanged = false
        var clusters = [ClusterTable?](repeating: nil, count: places.count + freePlaces.count)
        for (cluster, place) in places { clusters[place] = tables[cluster] }
        return RoutingTable(
            version: version, places: entries.map(place), gauges: entries.map { $0?.endpoint.gauge }, clusters: clusters,
            edges: edgeIndex, loops: loops)
    }

    private func place(_ entry: Entry?) -> TableView.Place {
        guard let entry, let place = places[entry.member.cluster] else { return TableView.Place() }
        return TableView.Place(
            id: entry.id.raw, cluster: entry.member.cluster, clusterPlace: UInt32(place), loop: UInt32(entry.endpoint.loop))
    }

    private static func liveEdge(_ entry: Entry) -> EdgeIndex.Entry? {
        guard case .edge(let es) = entry.member.identity, !entry.isDraining else { return nil }
        return EdgeIndex.Entry(es: es, slot: UInt32(entry.id.slot))
    }

    private static func server(_ entry: Entry, isCommon: Bool = false) -> ClaimRuns.Server? {
        guard entry.member.identity.role == .service else { return nil }
        return ClaimRuns.Server(
            CandidateSet.Candidate(node: entry.member.identity.node, slot: UInt32(entry.id.slot)), claims: entry.member.claims,
            isDraining: entry.isDraining, isCommon: isCommon)
    }

    private mutating func table(of cluster: UInt32, own: [Entry], common: [Entry], edges: [Entry]) -> ClusterTable {
        let before = tables[cluster]
        let runs = ClaimRuns.of(own.compactMap { TableBuilder.server($0) } + common.compactMap { TableBuilder.server($0, isCommon: true) }).map {
            run in
            let types = UInt16(clamping: run.numbers.lowerBound)...UInt16(clamping: run.numbers.upperBound)
            return switch run.answer {
            case .draining: ClusterTable.Run(types: types, set: .draining)
            case .candidates(let candidates): ClusterTable.Run(types: types, set: set(candidates, near: types.lowerBound, in: before))
            }
        }
        let listeners = (own + common).filter { $0.member.identity.role == .service && !$0.isDraining && $0.member.flags.contains(.sessionClosed) }
        let live = edges.compactMap(TableBuilder.liveEdge)
        let served = runs.filter { $0.set.candidates.count > 0 }.map { Claim(UInt32($0.types.lowerBound), UInt32($0.types.upperBound)) }
        return ClusterTable(
            runs: runs, listeners: listeners.map { UInt32($0.id.slot) }, edges: live.map(\.slot), types: Ranges(served),
            edgeIDs: Ranges(live.map { Claim($0.es, $0.es) }), before: before)
    }

    /// The set of those candidates: one that exists, or one made from what the type had before.
    private mutating func set(_ candidates: [CandidateSet.Candidate], near type: UInt16, in before: ClusterTable?) -> CandidateSet {
        if let known = sets[candidates] { return known }
        let similar = before?.run(of: type)?.set
        let set = CandidateSet(candidates, like: similar)
        sets[candidates] = set
        return set
    }

    private mutating func forgetUnusedSets() {
        guard sets.count > 64 else { return }
        let used = Set(tables.values.flatMap { $0.runs.map { ObjectIdentifier($0.set) } })
        sets = sets.filter { used.contains(ObjectIdentifier($0.value)) }
    }
}
