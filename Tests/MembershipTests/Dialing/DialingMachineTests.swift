import Links
import NIOCore
import Testing
import Wire

@testable import Membership

@Suite("A dialer's life")
struct DialingMachineTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
    private let longest: (ClosedRange<Int64>) -> Int64 = { $0.upperBound }
    private func welcome(heartbeat: UInt32 = 2000) -> Welcome { Welcome(hub: 1, heartbeatMilliseconds: heartbeat, maxFrame: 65_535, name: "h") }

    private func makeGreeting() -> DialingMachine {
        var machine = DialingMachine()
        _ = machine.start(now: start)
        _ = machine.connected()
        return machine
    }

    private func makeUp() -> DialingMachine {
        var machine = makeGreeting()
        _ = machine.welcomed(welcome())
        return machine
    }

    @Test("A link is dialed, greeted, and used when WELCOME has come")
    func comesUp() {
        var machine = DialingMachine()
        #expect(machine.start(now: start) == .dial)
        #expect(machine.connected() == .sayHello(polite: false))
        #expect(machine.state == .greeting)
        #expect(machine.welcomed(welcome()) == .use)
        let isOpen = machine.isOpen
        #expect(isOpen)
        #expect(machine.due == nil)
    }

    @Test("S18: an attempt without WELCOME within 5 s of its start ends with code 14")
    func lateWelcome() {
        var machine = DialingMachine()
        _ = machine.start(now: start)
        #expect(machine.due == start + .seconds(5))
        _ = machine.connected()
        #expect(machine.timerDue(now: start + .milliseconds(4999)) == .none)
        #expect(machine.timerDue(now: start + .seconds(5)) == .close(.protocol))
    }

    @Test("S18: waits double from 100 ms to 30 s, and a connection that is made does not reset them: WELCOME does")
    func backoff() {
        var machine = DialingMachine()
        var now = start
        var waits: [Int64] = []
        for _ in 0..<11 {
            #expect(machine.start(now: now) == .dial)
            _ = machine.connected()
            #expect(machine.ended(now: now, draw: longest) == .waitToRedial)
            guard let due = machine.due else { return #expect(Bool(false), "no next attempt") }
            waits.append((due - now).nanoseconds / 1_000_000)
            now = due
        }
        #expect(waits == [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000])
        _ = machine.timerDue(now: now)
        _ = machine.connected()
        #expect(machine.welcomed(welcome()) == .use)
        _ = machine.ended(now: now, draw: longest)
        #expect(machine.due == now + .milliseconds(100))
    }

    @Test("S18: after REJECT 11, 13 or 15 the next attempt is 30 s away; after others it is not", arguments: Code.allCases)
    func refusals(code: Code) {
        var machine = makeGreeting()
        machine.rejected(code: code.rawValue)
        _ = machine.ended(now: start, draw: longest)
        let isGrave = [.unauthorized, .takenOver, .unsupportedVersion].contains(code)
        #expect(machine.due == start + (isGrave ? .seconds(30) : .milliseconds(100)))
        // One refusal is paid for once.
        _ = machine.timerDue(now: start + .seconds(30))
        _ = machine.connected()
        _ = machine.ended(now: start, draw: longest)
        #expect(machine.due == start + .milliseconds(200))
    }

    @Test("S18: who was taken over asks politely until it is welcomed, so that two with one identity do not evict each other for ever")
    func polite() {
        var machine = makeUp()
        machine.rejected(code: Code.takenOver.rawValue)
        for _ in 0..<2 {
            _ = machine.ended(now: start, draw: longest)
            #expect(machine.timerDue(now: start + .seconds(30)) == .dial)
            #expect(machine.connected() == .sayHello(polite: true))
            machine.rejected(code: Code.takenOver.rawValue)
        }
        _ = machine.welcomed(welcome())
        _ = machine.ended(now: start, draw: { _ in 0 })
        _ = machine.start(now: start)
        #expect(machine.connected() == .sayHello(polite: false))
    }

    @Test("S17: the heartbeat is WELCOME's; a silent hub is asked after one and given up after three")
    func heartbeat() {
        var machine = makeGreeting()
        _ = machine.welcomed(welcome(heartbeat: 500))
        #expect(machine.beat(now: start + .milliseconds(499), lastHeard: start) == .wait(until: start + .milliseconds(500)))
        #expect(machine.beat(now: start + .milliseconds(500), lastHeard: start) == .ping(lookAgain: start + .milliseconds(1000)))
        #expect(machine.beat(now: start + .milliseconds(1500), lastHeard: start) == .giveUp)
    }

    @Test("S25: a leaving hub gets nothing new, and DRAIN 0 once everything is answered, not before and not twice")
    func hubLeaves() {
        var machine = makeUp()
        #expect(machine.answeredEverything() == .none)
        #expect(machine.drainHeard(milliseconds: 30_000) == .stopNew)
        let isOpen = machine.isOpen
        #expect(!isOpen)
        #expect(machine.drainHeard(milliseconds: 30_000) == .none)
        #expect(machine.answeredEverything() == .answerDrain)
        #expect(machine.answeredEverything() == .none)
        // The hub closes; when it is back it is used again.
        #expect(machine.ended(now: start, draw: longest) == .waitToRedial)
        _ = machine.timerDue(now: start + .seconds(1))
        _ = machine.connected()
        _ = machine.welcomed(welcome())
        let isOpenAgain = machine.isOpen
        #expect(isOpenAgain)
    }

    @Test("S25: leaving says DRAIN, waits for the answer, closes when there is nothing left to say, and dials no more")
    func leaves() {
        var machine = makeUp()
        #expect(machine.done() == .none)
        #expect(machine.leave(milliseconds: 9000) == .sayDrain(milliseconds: 9000))
        let isOpen = machine.isOpen
        #expect(!isOpen)
        #expect(machine.drainHeard(milliseconds: 0) == .hubStopped)
        #expect(machine.drainHeard(milliseconds: 0) == .none)
        #expect(machine.done() == .closeWhenEmpty)
        #expect(machine.ended(now: start, draw: longest) == .finish)
        #expect(machine.start(now: start) == .none)
    }

    @Test("S25: a DRAIN of both sides at once is answered by both")
    func bothLeave() {
        var machine = makeUp()
        _ = machine.leave(milliseconds: 9000)
        #expect(machine.drainHeard(milliseconds: 9000) == .stopNew)
        #expect(machine.answeredEverything() == .answerDrain)
        #expect(machine.drainHeard(milliseconds: 0) == .hubStopped)
    }

    @Test("S25: leaving before WELCOME ends at once; a connection that comes later is hung up")
    func leavesEarly() {
        var machine = DialingMachine()
        _ = machine.start(now: start)
        #expect(machine.leave(milliseconds: 9000) == .finish)
        #expect(machine.connected() == .hangUp)
        #expect(machine.ended(now: start, draw: longest) == .none)
    }

    @Test("New claims are said in a later HELLO that waits for WELCOME for 5 s; without a hub they wait for the next HELLO")
    func claims() {
        var greeting = makeGreeting()
        #expect(greeting.claimsChanged(now: start) == .none)
        var machine = makeUp()
        #expect(machine.claimsChanged(now: start) == .sayHello(polite: false))
        #expect(machine.timerDue(now: start + .seconds(5)) == .close(.protocol))
        var answered = makeUp()
        _ = answered.claimsChanged(now: start)
        #expect(answered.welcomed(welcome()) == .none)
        #expect(answered.due == nil)
    }

    @Test("Claims that change while HELLO is on its way are said when WELCOME has come, once")
    func claimsWhileGreeting() {
        var machine = makeGreeting()
        #expect(machine.welcomeIsUsed(now: start) == .none)
        #expect(machine.claimsChanged(now: start) == .none)
        #expect(machine.welcomed(welcome()) == .use)
        #expect(machine.welcomeIsUsed(now: start) == .sayHello(polite: false))
        #expect(machine.due == start + DialingMachine.attempt)
        #expect(machine.welcomed(welcome()) == .none)
        #expect(machine.welcomeIsUsed(now: start) == .none)
    }
}
