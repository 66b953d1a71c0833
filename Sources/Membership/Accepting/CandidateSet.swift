import Routing

/// Services or agents among which a packet or call chooses: the owner of each of the 4,096 slots. Shared by all claims, clusters and versions
/// of tables with the same candidates.
///
/// `@unchecked Sendable`: immutable.
package final class CandidateSet: @unchecked Sendable {
    package struct Candidate: Hashable, Comparable {
        package let node: UInt64
        /// Of its registration.
        package let slot: UInt32

        package init(node: UInt64, slot: UInt32) {
            self.node = node
            self.slot = slot
        }

        package static func < (a: Candidate, b: Candidate) -> Bool { (a.node, a.slot) < (b.node, b.slot) }
    }

    /// Trivial; valid as long as the set.
    package struct View {
        /// 0: nobody, and ``isDraining`` says why.
        package let count: Int
        package let isDraining: Bool
        @usableFromInline let only: UInt32
        /// By the choice function's slot; registrations' slots. Set when there are two or more.
        @usableFromInline let owners: UnsafePointer<UInt32>?
        @usableFromInline package let candidates: UnsafePointer<Candidate>

        /// The registration that a key falls to; there is at least one candidate.
        @inlinable
        package func owner(of key: UInt64) -> Int {
            guard let owners else { return Int(only) }
            return Int(owners[Choice.slot(of: key)])
        }

        /// The same without one registration that has just died; nil when that was all.
        package func owner(of key: UInt64, without dead: (Int) -> Bool) -> Int? {
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

    package static let nobody = CandidateSet(isDraining: false)
    package static let draining = CandidateSet(isDraining: true)

    package let candidates: [Candidate]
    package let pointer: UnsafePointer<View>
    private let table: SlotTable<UInt32>
    private let view: UnsafeMutableBufferPointer<View>
    private let list: UnsafeMutableBufferPointer<Candidate>
    private let owners: UnsafeMutableBufferPointer<UInt32>?

    private convenience init(isDraining: Bool) { self.init([], SlotTable(), isDraining: isDraining) }

    /// - Parameters:
    ///   - candidates: sorted, each node once.
    ///   - similar: a set that shares most candidates, to be changed instead of computing all slots anew.
    package convenience init(_ candidates: [Candidate], like similar: CandidateSet?) {
        var table = SlotTable<UInt32>()
        // Both lists are sorted: one walk tells who has gone and who is new.
        var (gone, new) = ([Candidate](), [Candidate]())
        var known = similar?.candidates[...] ?? []
        for candidate in candidates {
            while let first = known.first, first < candidate { gone.append(known.removeFirst()) }
            if known.first == candidate { known.removeFirst() } else { new.append(candidate) }
        }
        gone += known
        if let similar, gone.count + new.count < candidates.count {
            table = similar.table
            for candidate in gone { table.remove(candidate.node) }
        } else {
            new = candidates
        }
        for candidate in new { table.insert(candidate.node, candidate.slot) }
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

extension UnsafeMutableBufferPointer {
    /// Memory with the same elements, never empty; the caller deallocates it. For trivial elements.
    package static func copy(of elements: [Element]) -> Self {
        let memory = Self.allocate(capacity: Swift.max(elements.count, 1))
        _ = memory.initialize(from: elements)
        return memory
    }
}
