/// What a chat client may send when: nothing is said before its login has been answered, and it leaves when everything that it asked for
/// has been. Answers keep the order of the requests (rule S5), so a last request that is answered means that all are.
package struct ChatTurns {
    package struct Request: Equatable {
        package var type: ChatType
        package var text: String
    }

    /// What to do about an answer.
    package struct Step: Equatable {
        /// May go out now, in this order.
        package var send: [Request] = []
        /// Whether a person wants to see it.
        package var isShown = true
        /// The last answer has come.
        package var hasLeft = false
    }

    /// What was asked before the login was answered; nil from then on.
    private var held: [Request]? = []
    /// Lists that have not been answered.
    private var lists = 0
    private var isLeaving = false

    package init() {}

    /// Returns what may go out now; what may not is kept until it may.
    package mutating func ask(_ type: ChatType, _ text: String) -> [Request] {
        guard !isLeaving else { return [] }
        if type == .list { lists += 1 }
        let request = Request(type: type, text: text)
        if held == nil { return [request] }
        held?.append(request)
        return []
    }

    /// Asks for one last thing; ``answered(_:)`` says when it has come.
    package mutating func leave() -> [Request] {
        defer { isLeaving = true }
        return ask(.list, "")
    }

    /// An answer of this type has come, or word that the request was not delivered.
    package mutating func answered(_ type: ChatType) -> Step {
        switch type {
        case .logIn:
            defer { held = nil }
            return Step(send: held ?? [])
        case .list:
            lists = max(lists - 1, 0)
            let isLast = isLeaving && lists == 0
            return Step(isShown: !isLast, hasLeft: isLast)
        default: return Step()
        }
    }
}
