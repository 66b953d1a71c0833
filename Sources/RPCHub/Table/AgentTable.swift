import Membership
import Synchronization
import Wire

/// Which agents serve which RPC ids, as it was at one moment. Built off the event loops, never changed, swapped whole.
///
/// Loops read it through ``view``, which is plain addresses, so that no reference count is shared between them for each call.
///
/// `@unchecked Sendable`: immutable but for the atomic count; what ``view`` points to lives as long as this object and the parts it holds.
final class AgentTable: @unchecked Sendable {
    /// RPC ids with the same candidates.
    struct Run {
        let lowest: UInt32
        let highest: UInt32
        let set: UnsafePointer<CandidateSet.View>
    }

    /// One registration.
    struct Place {
        /// ``MemberID/raw``; 0 where nothing is registered, or a caller.
        var id: UInt64 = 0
        var loop = 0
    }

    /// Trivial; valid as long as the table.
    struct View {
        let places: UnsafeBufferPointer<Place>
        let runs: UnsafeBufferPointer<Run>
        let nobody: UnsafePointer<CandidateSet.View>

        @inline(__always)
        func candidates(for rpc: UInt32) -> UnsafePointer<CandidateSet.View> {
            var low = 0
            var high = runs.count
            while low < high {
                let middle = (low + high) / 2
                if runs[middle].highest < rpc { low = middle + 1 } else { high = middle }
            }
            guard low < runs.count, runs[low].lowest <= rpc else { return nobody }
            return runs[low].set
        }
    }

    let version: UInt64
    let view: View
    /// Of each agent, by slot.
    let gauges: [AgentGauge?]
    /// RPC ids with a live agent; what callers are told. Equal versions are equal lists.
    let peers: (version: UInt64, list: Peers)
    private let sets: [CandidateSet]
    private let awaited: Atomic<Int>
    private let places: UnsafeMutableBufferPointer<Place>
    private let runs: UnsafeMutableBufferPointer<Run>

    init(
        version: UInt64, places: [Place], gauges: [AgentGauge?], runs: [(ids: ClosedRange<UInt32>, set: CandidateSet)],
        peers: (version: UInt64, list: Peers), loops: Int
    ) {
        self.version = version
        self.gauges = gauges
        self.peers = peers
        sets = runs.map(\.set)
        awaited = Atomic(loops)
        self.places = .copy(of: places)
        self.runs = .copy(of: runs.map { Run(lowest: $0.ids.lowerBound, highest: $0.ids.upperBound, set: $0.set.pointer) })
        view = View(
            places: UnsafeBufferPointer(start: self.places.baseAddress, count: places.count),
            runs: UnsafeBufferPointer(start: self.runs.baseAddress, count: runs.count), nobody: CandidateSet.nobody.pointer)
    }

    deinit {
        places.deallocate()
        runs.deallocate()
    }

    /// One more loop has it and has handed over what it had decided by the last one. True for the last loop.
    func taken() -> Bool { awaited.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 }
}

/// Builds agent tables from registrations, one after the other; candidate sets that have not changed are reused. Pure.
struct AgentTableBuilder: MembershipTables {
    struct Endpoint: MemberEndpoint {
        let loop: Int
        let gauge: AgentGauge
    }

    private let loops: Int
    private var version: UInt64 = 0
    private var sets: [[CandidateSet.Candidate]: CandidateSet] = [:]
    private var runs: [(ids: ClosedRange<UInt32>, set: CandidateSet)] = []
    private var peers: (version: UInt64, list: Peers) = (1, .ranges([]))
    private var agentsChanged = true

    init(loops: Int) { self.loops = loops }

    mutating func joined(_ member: Member) { touched(member) }
    mutating func touched(_ member: Member) { if member.identity.role == .agent { agentsChanged = true } }
    mutating func left(_ member: Member) { touched(member) }

    mutating func build(_ entries: [Registry<Endpoint>.Entry?]) -> AgentTable {
        version += 1
        let agents = entries.map { entry in entry.flatMap { $0.member.identity.role == .agent ? $0 : nil } }
        if agentsChanged { rebuild(agents.compactMap { $0 }) }
        agentsChanged = false
        return AgentTable(
            version: version, places: agents.map { AgentTable.Place(id: $0?.id.raw ?? 0, loop: $0?.endpoint.loop ?? 0) },
            gauges: agents.map { $0?.endpoint.gauge }, runs: runs, peers: peers, loops: loops)
    }

    private mutating func rebuild(_ agents: [Registry<Endpoint>.Entry]) {
        let servers = agents.map {
            ClaimRuns.Server(
                CandidateSet.Candidate(node: $0.member.identity.node, slot: UInt32($0.id.slot)), claims: $0.member.claims, isDraining: $0.isDraining)
        }
        var used: [[CandidateSet.Candidate]: CandidateSet] = [:]
        let before = runs
        runs = ClaimRuns.of(servers).map { run in
            guard case .candidates(let candidates) = run.answer else { return (run.numbers, .draining) }
            let similar = before.first { $0.ids.contains(run.numbers.lowerBound) }?.set
            let set = used[candidates] ?? sets[candidates] ?? CandidateSet(candidates, like: similar)
            used[candidates] = set
            return (run.numbers, set)
        }
        sets = used
        let live = runs.filter { !$0.set.candidates.isEmpty }.map { Claim($0.ids.lowerBound, $0.ids.upperBound) }
        let list = Peers(Ranges(live))
        if list != peers.list { peers = (peers.version + 1, list) }
    }
}
