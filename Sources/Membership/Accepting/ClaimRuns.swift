package import Wire

/// Cuts the space of packet types or RPC ids at the borders of claims, and says who serves each piece (rule S19). Pure.
package enum ClaimRuns {
    /// Who claims.
    package struct Server {
        package var claims: [Claim]
        package var candidate: CandidateSet.Candidate
        /// It gets nothing new.
        package var isDraining: Bool
        /// It serves only what no other live server claims (cluster 0).
        package var isCommon: Bool

        package init(_ candidate: CandidateSet.Candidate, claims: [Claim], isDraining: Bool, isCommon: Bool = false) {
            self.candidate = candidate
            self.claims = claims
            self.isDraining = isDraining
            self.isCommon = isCommon
        }
    }

    package struct Run: Equatable {
        package var numbers: ClosedRange<UInt32>
        package var answer: Answer
    }

    package enum Answer: Equatable {
        /// Sorted by node.
        case candidates([CandidateSet.Candidate])
        /// Only servers that leave claim it.
        case draining
    }

    /// One claim begins or ends.
    private struct Border {
        let number: UInt64
        let position: Int
        let opens: Bool
    }

    /// Sorted and disjoint; numbers in none of them are nobody's.
    package static func of(_ servers: [Server]) -> [Run] {
        var borders: [Border] = []
        for (position, server) in servers.enumerated() {
            // Joined, so that a server that claims a number twice counts once.
            for range in Ranges(server.claims).ranges {
                borders.append(Border(number: range.lowerBound, position: position, opens: true))
                borders.append(Border(number: range.upperBound + 1, position: position, opens: false))
            }
        }
        borders.sort { $0.number < $1.number }
        var runs: [Run] = []
        var claiming: Set<Int> = []
        var next = 0
        while next < borders.count {
            let start = borders[next].number
            while next < borders.count, borders[next].number == start {
                if borders[next].opens { claiming.insert(borders[next].position) } else { claiming.remove(borders[next].position) }
                next += 1
            }
            guard next < borders.count, let answer = answer(claiming, servers) else { continue }
            runs.append(Run(numbers: UInt32(clamping: start)...UInt32(clamping: borders[next].number - 1), answer: answer))
        }
        return runs
    }

    private static func answer(_ claiming: Set<Int>, _ servers: [Server]) -> Answer? {
        guard !claiming.isEmpty else { return nil }
        let live = claiming.filter { !servers[$0].isDraining }
        guard !live.isEmpty else { return .draining }
        let own = live.filter { !servers[$0].isCommon }
        return .candidates((own.isEmpty ? live : own).map { servers[$0].candidate }.sorted())
    }
}
