/// What a chat client may send when: nothing is said before its login has been answered, and it leaves when everything that it asked for
/// has been. The service's answers keep the order of the requests (rule S5), so when it answers a last one it has answered all. Word that
/// one was not delivered may overtake answers, so then it is asked again.
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
        /// The last request is to be sent once more, in a while.
        package var asksAgain = false
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
        return ask(ChatTurns.last.type, ChatTurns.last.text)
    }

    /// The last request, once more.
    package static let last = Request(type: .list, text: "")

    /// Word has come that a request of this type was not delivered. A login that was not is the end of it all, which is not said here.
    package mutating func undelivered(_ type: ChatType) -> Step {
        guard type == .list else { return Step() }
        if !isLeaving { lists = max(lists - 1, 0) }
        return Step(asksAgain: isLeaving)
    }

    /// An answer of this type has come.
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
