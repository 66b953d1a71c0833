import Membership
import Routing

/// Which agent takes a call (rule S19): the choice function of its sharding id, or without one the less busy of two at random. Pure.
enum AgentChoice: Equatable {
    /// The one in that slot.
    case agent(Int)
    /// The chosen one, or every one, is full.
    case busy
    /// Every one that claims the id is leaving.
    case draining
    /// No one claims the id.
    case noRoute

    /// What is known of one candidate.
    enum Readiness: Equatable {
        /// It takes calls; so many are open.
        case open(load: Int)
        /// Its window or its queue is full.
        case full
        /// Its link is gone, and the table does not say so yet.
        case gone
    }

    /// - Parameters:
    ///   - draw: a random number; used when there is no sharding id.
    ///   - ask: what is known of the candidate in a slot.
    @inline(__always)
    static func choose(_ set: CandidateSet.View, shardingID: Int64, draw: UInt64, ask: (Int) -> Readiness) -> AgentChoice {
        guard set.count > 0 else { return set.isDraining ? .draining : .noRoute }
        if shardingID != 0 {
            let key = UInt64(bitPattern: shardingID)
            let owner = set.owner(of: key)
            switch ask(owner) {
            case .open: return .agent(owner)
            case .full: return .busy
            case .gone: return detour(set, key: key, ask: ask)
            }
        }
        let first = Int(draw & 0xFFFF_FFFF) % set.count
        // Different from the first, each other one as likely as any.
        let second = set.count == 1 ? first : (first + 1 + Int(draw >> 32) % (set.count - 1)) % set.count
        let (a, b) = (Int(set.candidates[first].slot), Int(set.candidates[second].slot))
        switch (ask(a), ask(b)) {
        case (.open(let loadA), .open(let loadB)): return .agent(loadB < loadA ? b : a)
        case (.open, _): return .agent(a)
        case (_, .open): return .agent(b)
        default: return any(set, from: first, ask: ask)
        }
    }

    /// Both are full or gone: whoever comes first in a round has it.
    private static func any(_ set: CandidateSet.View, from start: Int, ask: (Int) -> Readiness) -> AgentChoice {
        var isAnyoneThere = false
        for step in 0..<set.count {
            let slot = Int(set.candidates[(start + step) % set.count].slot)
            switch ask(slot) {
            case .open: return .agent(slot)
            case .full: isAnyoneThere = true
            case .gone: break
            }
        }
        return isAnyoneThere ? .busy : .noRoute
    }

    /// The owner has just died: whoever owns the key without it.
    private static func detour(_ set: CandidateSet.View, key: UInt64, ask: (Int) -> Readiness) -> AgentChoice {
        guard let other = set.owner(of: key, without: { ask($0) == .gone }) else { return .noRoute }
        return ask(other) == .full ? .busy : .agent(other)
    }
}
