/// How a hub leaves (rule S25): DRAIN to its edges and callers first; when each has answered or is gone, to its services and agents; when
/// each of those has, their links are closed once everything is written, and edges and callers last. Pure.
package struct DrainOrder: Equatable {
    package enum Phase: Equatable { case serving, drainingFront, drainingBack, closingBack, closingFront, done }

    package enum Action: Equatable {
        /// Say DRAIN to these.
        case tell([MemberID])
        /// Close these when everything is written.
        case close([MemberID])
        /// No link is left.
        case finished
    }

    package private(set) var phase = Phase.serving
    /// Whose answer, or end, ends the phase.
    private var awaited: Set<MemberID> = []
    private var front: [MemberID] = []
    private var back: [MemberID] = []

    package init() {}

    /// - Parameters:
    ///   - front: edges or callers that are registered.
    ///   - back: services or agents that are.
    package mutating func begin(front: [MemberID], back: [MemberID]) -> [Action] {
        guard phase == .serving else { return [] }
        self.front = front
        self.back = back
        phase = .drainingFront
        awaited = Set(front)
        return [.tell(front)] + advance()
    }

    /// That member said DRAIN 0.
    package mutating func answered(_ id: MemberID) -> [Action] {
        guard phase == .drainingFront || phase == .drainingBack, awaited.remove(id) != nil else { return [] }
        return advance()
    }

    /// That member's link is closed.
    package mutating func gone(_ id: MemberID) -> [Action] {
        guard phase != .serving else { return [] }
        front.removeAll { $0 == id }
        back.removeAll { $0 == id }
        return awaited.remove(id) == nil ? [] : advance()
    }

    private mutating func advance() -> [Action] {
        guard awaited.isEmpty else { return [] }
        switch phase {
        case .drainingFront: return enter(.drainingBack, .tell(back), back)
        case .drainingBack: return enter(.closingBack, .close(back), back)
        case .closingBack: return enter(.closingFront, .close(front), front)
        case .closingFront:
            phase = .done
            return [.finished]
        case .serving, .done: return []
        }
    }

    private mutating func enter(_ next: Phase, _ action: Action, _ members: [MemberID]) -> [Action] {
        phase = next
        awaited = Set(members)
        return [action] + advance()
    }
}
