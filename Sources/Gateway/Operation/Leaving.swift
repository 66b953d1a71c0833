import Links
import NIOCore
import Sessions
import Wire

/// A loop's part in the gateway's leaving: its clients are closed evenly over a time (rule S25).
final class Leaving {
    /// What is left unsaid to a client that is closed gets this long.
    static let grace = TimeAmount.milliseconds(250)

    let timer = LoopTimer()
    let started: NIODeadline
    /// Over how long the closings are spread; zero: at once.
    let spread: TimeAmount
    let total: Int
    var waiting: [ClientLink]
    let done: EventLoopPromise<Void>

    init(clients: [ClientLink], started: NIODeadline, spread: TimeAmount, done: EventLoopPromise<Void>) {
        waiting = clients
        total = clients.count
        self.started = started
        self.spread = spread
        self.done = done
    }

    /// How many of the clients should have been told to go by `now`.
    func due(now: NIODeadline) -> Int {
        guard spread > .zero else { return total }
        let share = Double((now - started).nanoseconds) / Double(spread.nanoseconds)
        return min(total, Int((share * Double(total)).rounded(.down)) + 1)
    }
}

extension Shard {
    /// Closes every client, evenly over `spread`; the future is done when the last link is closed.
    func leave(spread: TimeAmount) -> EventLoopFuture<Void> {
        let promise = loop.eventLoop.makePromise(of: Void.self)
        let leaving = Leaving(clients: clients.all, started: loop.eventLoop.now, spread: spread, done: promise)
        self.leaving = leaving
        leaving.timer.aim(at: self)
        loop.enterTurn()
        continueLeaving()
        clientGone()
        return promise.futureResult
    }

    func continueLeaving() {
        guard let leaving else { return }
        let now = loop.eventLoop.now
        let target = leaving.total - leaving.due(now: now)
        while leaving.waiting.count > target, let client = leaving.waiting.popLast() { client.leave(grace: Leaving.grace) }
        if !leaving.waiting.isEmpty { loop.arm(leaving.timer, at: now + .milliseconds(10)) }
    }

    /// A client link has closed; while leaving, the last one ends it.
    func clientGone() {
        if openClients == 0 { leaving?.done.succeed(()) }
    }

    /// The drain deadline has passed.
    func cutClients() {
        for client in clients.all { client.abandon(.draining) }
        // Those that have had their last word and do not close are not waited for either.
        leaving?.done.succeed(())
    }
}
