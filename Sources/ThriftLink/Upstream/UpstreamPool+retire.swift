import Links
package import NIOCore

/// Taking leave of servers that are no longer listed (rule S26).
extension UpstreamPool {
    /// No call is sent through it any more; what it has got is still answered, each call by its deadline. Then it leaves; the future is done when
    /// every connection is closed.
    package func retire() -> EventLoopFuture<Void> {
        if open == 0, waitingCalls == 0 { return leave() }
        let promise = loop.eventLoop.makePromise(of: Void.self)
        loop.eventLoop.scheduleTask(in: UpstreamPool.retiringLook) { promise.completeWith(self.retire()) }
        return promise.futureResult
    }

    /// How long until it looks again whether its calls have ended.
    private static var retiringLook: TimeAmount { .milliseconds(50) }
}

extension UpstreamSettings {
    /// Whether a pool with these settings can serve a route with the others: all but the time-out, which is the route's.
    package func isServed(like other: UpstreamSettings) -> Bool {
        var other = other
        other.timeout = timeout
        return self == other
    }
}
