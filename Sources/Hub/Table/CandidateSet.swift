import Routing

/// Services among which a packet chooses: the owner of each of the 4,096 slots. Shared by all types, clusters and versions with the same
/// candidates.
///
/// `@unchecked Sendable`: immutable.
final class CandidateSet: @unchecked Sendable {
    struct Candidate: Hashable, Comparable {
        let node: UInt64
        let slot: UInt32
        static func < (a: Candidate, b: Candidate) -> Bool { (a.node, a.slot) < (b.node, b.slot) }
    }

    /// Trivial; valid as long as the set.
    struct View {
        /// 0: nobody, and ``isDraining`` says why.
        let count: Int
        let isDraining: Bool
        let only: UInt32
        /// By the choice function's slot; registrations' slots. Set when there are two or more.
        let owners: UnsafePointer<UInt32>?
        let candidates: UnsafePointer<Candidate>

        /// The registration that a key falls to; there is at least one candidate.
        @inline(__always)
        func owner(of key: UInt64) -> Int {
            guard let owners else { return Int(only) }
            return Int(owners[Choice.slot(of: key)])
        }

        /// The same without one registration that has just died; nil when that was all.
        func owner(of key: UInt64, without dead: (Int) -> Bool) -> Int? {
            let slot = Choice.slot(of: key)
            var best: (weight: UInt64, candidate: Candidate)?
            for candidate in UnsafeBufferPointer(start: candidates, count: count) where !dead(Int(candidate.slot)) {
                let weight = Choice.weight(node: candidate.node, slot: slot)
                if let known = best, (known.weight, known.candidate.node) > (weight, candidate.node) { continue }
                best = (weight, candidate)
            }
            return best.map { Int($0.candidate.slot) }
        }
    }

    static let nobody = CandidateSet(isDraining: false)
    static let draining = CandidateSet(isDraining: true)

    let candidates: [Candidate]
    let pointer: UnsafePointer<View>
    private let table: SlotTable<UInt32>
    private let view: UnsafeMutableBufferPointer<View>
    private let list: UnsafeMutableBufferPointer<Candidate>
    private let owners: UnsafeMutableBufferPointer<UInt32>?

    private convenience init(isDraining: Bool) { self.init([], SlotTable(), isDraining: isDraining) }

    /// - Parameters:
    ///   - candidates: sorted, each node once.
    ///   - similar: a set that shares most candidates, to be changed instead of computing all slots anew.
    convenience init(_ candidates: [Candidate], like similar: CandidateSet?) {
        var table = SlotTable<UInt32>()
        let wanted = Set(candidates)
        if let similar {
            let gone = similar.candidates.filter { !wanted.contains($0) }
            if gone.count < candidates.count / 2 {
                table = similar.table
                for candidate in gone { table.remove(candidate.node) }
            }
        }
        let known = table.isEmpty ? [] : Set(similar?.candidates ?? [])
        for candidate in candidates where !known.contains(candidate) { table.insert(candidate.node, candidate.slot) }
        self.init(candidates, table, isDraining: false)
    }

    private init(_ candidates: [Candidate], _ table: SlotTable<UInt32>, isDraining: Bool) {
        self.candidates = candidates
        self.table = table
        list = .copy(of: candidates)
        owners = candidates.count > 1 ? .copy(of: (0..<Choice.slots).map { table[$0] ?? 0 }) : nil
        view = .copy(of: [
            View(
                count: candidates.count, isDraining: isDraining, only: candidates.first?.slot ?? 0,
                owners: owners.map { UnsafePointer($0.baseAddress!) }, candidates: UnsafePointer(list.baseAddress!))
        ])
        pointer = UnsafePointer(view.baseAddress!)
    }

    deinit {
        view.deallocate()
        list.deallocate()
        owners?.deallocate()
    }
}
