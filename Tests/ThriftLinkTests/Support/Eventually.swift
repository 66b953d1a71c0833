import Testing

/// Waits until something is so; fails the test when it is not within ten seconds.
func eventually(_ what: String, sourceLocation: SourceLocation = #_sourceLocation, _ condition: () -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(10)
    while !condition() {
        guard ContinuousClock.now < deadline else {
            Issue.record("not within 10 s: \(what)", sourceLocation: sourceLocation)
            throw Missed()
        }
        try await Task.sleep(for: .milliseconds(2))
    }
}

private struct Missed: Error {}
