import Testing

@testable import Chat

@Suite("Chat: what a client sends when")
struct ChatTurnsTests {
    private func request(_ type: ChatType, _ text: String) -> ChatTurns.Request { ChatTurns.Request(type: type, text: text) }

    @Test("Nothing goes out before the login is answered, then everything in order, and what comes later at once")
    func login() {
        var turns = ChatTurns()
        #expect(turns.ask(.join, "garden") == [])
        #expect(turns.ask(.say, "hello") == [])
        #expect(turns.answered(.logIn) == ChatTurns.Step(send: [request(.join, "garden"), request(.say, "hello")]))
        #expect(turns.ask(.say, "more") == [request(.say, "more")])
        #expect(turns.answered(.logIn) == ChatTurns.Step())
    }

    @Test("Who leaves asks once more, and has left when that is answered; the answer is not shown, those to earlier requests are")
    func leaving() {
        var turns = ChatTurns()
        _ = turns.answered(.logIn)
        #expect(turns.ask(.list, "") == [request(.list, "")])
        #expect(turns.leave() == [request(.list, "")])
        #expect(turns.ask(.say, "too late") == [])
        #expect(turns.answered(.join) == ChatTurns.Step())
        #expect(turns.answered(.list) == ChatTurns.Step())
        #expect(turns.answered(.list) == ChatTurns.Step(isShown: false, hasLeft: true))
    }

    @Test("A last request that is not delivered is asked again; an earlier list that is answered meanwhile is shown")
    func lastRefused() {
        var turns = ChatTurns()
        _ = turns.answered(.logIn)
        #expect(turns.ask(.list, "") == [request(.list, "")])
        #expect(turns.leave() == [ChatTurns.last])
        #expect(turns.undelivered(.say) == ChatTurns.Step())
        #expect(turns.undelivered(.list) == ChatTurns.Step(asksAgain: true))
        #expect(turns.answered(.list) == ChatTurns.Step())
        #expect(turns.answered(.list) == ChatTurns.Step(isShown: false, hasLeft: true))
    }

    @Test("A list that is not delivered is not waited for")
    func listRefused() {
        var turns = ChatTurns()
        _ = turns.answered(.logIn)
        _ = turns.ask(.list, "")
        #expect(turns.undelivered(.list) == ChatTurns.Step())
        _ = turns.leave()
        #expect(turns.answered(.list).hasLeft)
    }

    @Test("Who leaves before the login is answered says first what was to be said")
    func leavingEarly() {
        var turns = ChatTurns()
        #expect(turns.ask(.say, "hello") == [])
        #expect(turns.leave() == [])
        #expect(turns.answered(.logIn).send == [request(.say, "hello"), request(.list, "")])
        #expect(turns.answered(.list).hasLeft)
    }
}
