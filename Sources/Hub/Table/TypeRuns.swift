import Membership
import Wire

/// Cuts the space of packet types at the borders of claims, and says who serves each piece (rule S19). Pure.
enum TypeRuns {
    struct Run: Equatable {
        var types: ClosedRange<UInt16>
        var answer: Answer
    }

    enum Answer: Equatable {
        /// Sorted by node.
        case candidates([CandidateSet.Candidate])
        /// Only services that leave claim it.
        case draining
    }

    /// One claim begins or ends.
    private struct Border {
        let type: UInt32
        let position: Int
        let opens: Bool
    }

    /// - Parameters:
    ///   - own: services of the cluster itself, which come first.
    ///   - common: services of cluster 0, for types that no live service of the cluster claims.
    static func of(own: [TableBuilder.Entry], common: [TableBuilder.Entry]) -> [Run] {
        let services = (own + common).filter { $0.member.identity.role == .service }
        let ownCount = own.count { $0.member.identity.role == .service }
        var borders: [Border] = []
        for (position, entry) in services.enumerated() {
            // Joined, so that a service that claims a type twice counts once.
            for range in Ranges(entry.member.claims).ranges {
                borders.append(Border(type: UInt32(range.lowerBound), position: position, opens: true))
                borders.append(Border(type: UInt32(range.upperBound) + 1, position: position, opens: false))
            }
        }
        borders.sort { $0.type < $1.type }
        var runs: [Run] = []
        var claiming: Set<Int> = []
        var next = 0
        while next < borders.count {
            let start = borders[next].type
            while next < borders.count, borders[next].type == start {
                if borders[next].opens { claiming.insert(borders[next].position) } else { claiming.remove(borders[next].position) }
                next += 1
            }
            guard next < borders.count, let answer = answer(claiming, services, ownCount) else { continue }
            runs.append(Run(types: UInt16(start)...UInt16(borders[next].type - 1), answer: answer))
        }
        return runs
    }

    private static func answer(_ claiming: Set<Int>, _ services: [TableBuilder.Entry], _ ownCount: Int) -> Answer? {
        guard !claiming.isEmpty else { return nil }
        let live = claiming.filter { !services[$0].isDraining }
        guard !live.isEmpty else { return .draining }
        let own = live.filter { $0 < ownCount }
        let chosen = own.isEmpty ? live : own
        return .candidates(
            chosen.map { CandidateSet.Candidate(node: services[$0].member.identity.node, slot: UInt32(services[$0].id.slot)) }.sorted())
    }
}
