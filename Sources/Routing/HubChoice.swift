/// Which hub takes a packet or call (rule S30): of those that are up, not draining and list the target, the one that the choice function
/// gives for the key. A choice costs a few array reads.
///
/// Generic over what stands for a hub. Targets are whatever the hubs list: packet types (an edge), ES ids (a service), RPC ids (a caller).
/// Pure; one for each event loop.
public struct HubChoice<Hub> {
    /// What a hub reaches, as its last PEERS said.
    public enum Reach: Sendable, Equatable {
        /// More than it can list: taken to be all.
        case everything
        case ranges([ClosedRange<UInt32>])
    }

    /// Why no hub takes a target.
    public enum Absence: Sendable, Equatable {
        /// No hub is up: `noPeer`.
        case noHub
        /// Only draining hubs are: `draining`.
        case draining
        /// Hubs are up, and none lists it: `noRoute` for an edge or a caller, `noPeer` for a service.
        case unlisted
    }

    private struct Entry {
        let rank: Int
        let id: UInt64
        let hub: Hub
        var reach = Reach.ranges([])
        var isDraining = false
    }

    /// Those that have said WELCOME and are still there, in the order of `to`.
    private var entries: [Entry] = []
    /// Targets below this many have their set in an array of its own.
    private let denseTargets: Int
    /// Those that may be chosen, in the order of `to`.
    @usableFromInline private(set) var hubs: [Hub] = []
    @usableFromInline private(set) var sets = HubSets()

    /// - Parameter denseTargets: targets below it are found without a search; 65,536 for packet types, which costs 256 KiB.
    public init(denseTargets: Int = 0) { self.denseTargets = denseTargets }

    // MARK: - What hubs say

    /// A hub has said WELCOME; until its PEERS it lists nothing. A hub of that rank that was known before is replaced.
    /// - Parameters:
    ///   - id: the hub id of its WELCOME.
    ///   - rank: its place in `to`; what it is known by from here on.
    /// - Returns: whether another live hub has the same id, so that only the one first in `to` is used.
    public mutating func welcome(_ hub: Hub, id: UInt64, rank: Int) -> Bool {
        entries.removeAll { $0.rank == rank }
        let isDouble = entries.contains { $0.id == id }
        let position = entries.firstIndex { $0.rank > rank } ?? entries.count
        entries.insert(Entry(rank: rank, id: id, hub: hub), at: position)
        rebuild()
        return isDouble
    }

    /// Its PEERS, replacing the last one.
    public mutating func reach(_ reach: Reach, rank: Int) {
        guard let index = entries.firstIndex(where: { $0.rank == rank }), entries[index].reach != reach else { return }
        entries[index].reach = reach
        rebuild()
    }

    /// It has said DRAIN: it gets nothing new.
    public mutating func drain(rank: Int) {
        guard let index = entries.firstIndex(where: { $0.rank == rank }) else { return }
        entries[index].isDraining = true
        rebuild()
    }

    /// It is gone.
    public mutating func remove(rank: Int) {
        guard let index = entries.firstIndex(where: { $0.rank == rank }) else { return }
        entries.remove(at: index)
        rebuild()
    }

    // MARK: - Choosing

    /// The hub for a target and a key's slot (``Choice/slot(of:)``); nil when there is none, for the reason in ``absence``.
    @inlinable
    public func choose(_ target: UInt32, slot: Int) -> Hub? {
        guard let position = sets.owner(sets.set(of: target), slot: slot) else { return nil }
        return hubs[position]
    }

    /// The hub for a slot among all that may be chosen, whatever they list.
    public func chooseAny(slot: Int) -> Hub? {
        guard let position = sets.owner(sets.all, slot: slot) else { return nil }
        return hubs[position]
    }

    /// Why ``choose(_:slot:)`` finds none.
    public var absence: Absence {
        if !hubs.isEmpty { return .unlisted }
        return entries.isEmpty ? .noHub : .draining
    }

    /// The way to every edge at once: the hub that key 0 gives among all, and what others list that this one does not.
    public func everywhere() -> (first: Hub, beyond: [(targets: ClosedRange<UInt32>, hub: Hub)])? {
        let slot = Choice.slot(of: 0)
        guard let first = sets.owner(sets.all, slot: slot) else { return nil }
        let beyond = sets.segments.compactMap { segment -> (targets: ClosedRange<UInt32>, hub: Hub)? in
            guard !sets.members(of: segment.set).contains(first), let owner = sets.owner(segment.set, slot: slot) else { return nil }
            return (segment.targets, hubs[owner])
        }
        return (hubs[first], beyond)
    }

    private mutating func rebuild() {
        var ids = Set<UInt64>()
        let usable = entries.filter { !$0.isDraining && ids.insert($0.id).inserted }
        hubs = usable.map(\.hub)
        sets.rebuild(ids: usable.map(\.id), reaches: usable.map { $0.reach.joined }, denseTargets: denseTargets)
    }
}

extension HubChoice.Reach {
    /// Sorted ranges that do not overlap.
    fileprivate var joined: [ClosedRange<UInt32>] {
        guard case .ranges(let ranges) = self else { return [0...UInt32.max] }
        var joined: [ClosedRange<UInt32>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = joined.last, UInt64(range.lowerBound) <= UInt64(last.upperBound) + 1 {
                joined[joined.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                joined.append(range)
            }
        }
        return joined
    }
}
