/// What one event loop counts of the calls of one route or method. Plain integers of the loop, added up when read.
package struct CallCounters: Sendable {
    /// Calls that were answered with a result, declared exceptions of a server's own raw methods among them.
    package var ok = 0
    /// Calls that were answered with an exception.
    package var exceptions = 0
    /// Calls without an answer, by why.
    package var failed = CodeCounts()
    /// Calls that have come and not ended.
    package var inFlight = 0
    package var seconds = Distribution()

    package init() {}

    /// - Parameter route: the route's name, or the method's.
    package func samples(role: String, route: String) -> [Sample] {
        [
            Sample(.calls, role, route, "ok", value: ok),
            Sample(.calls, role, route, "exception", value: exceptions),
            Sample(.callsInFlight, role, route, value: inFlight),
            Sample(.callSeconds, role, route, distribution: seconds),
        ] + failed.labelled.map { Sample(.calls, role, route, $0.0, value: $0.1) }
    }
}
