import Logging
import NIOCore
import Synchronization
import Testing

@testable import Links

/// One line for each event, and never a flood.
@Suite("Event log")
struct EventLogTests {
    @Test("of one kind at most 20 lines a second; other kinds are not held back by it")
    func flood() {
        let lines = Lines()
        let log = EventLog(lines.logger)
        let started = NIODeadline.now()
        for number in 0..<5_000 { log.event("first", "first \(number)") }
        for number in 0..<5 { log.event("second", "second \(number)") }
        let seconds = Int((NIODeadline.now() - started).nanoseconds / 1_000_000_000)
        let first = lines.all.filter { $0.hasPrefix("first") }
        // A machine that stands still for a second starts a new window.
        #expect(first.count >= 20 && first.count <= 20 * (seconds + 1))
        #expect(Array(first.prefix(20)) == (0..<20).map { "first \($0)" })
        #expect(lines.all.count { $0.hasPrefix("second") } == 5)
    }

    @Test("what was left out is told, every line of it, with the next line of that kind")
    func suppressed() async throws {
        let lines = Lines()
        let log = EventLog(lines.logger)
        var sent = 0
        let deadline = ContinuousClock.now + .seconds(30)
        while !lines.all.contains(where: { $0.contains("more of this kind") }), ContinuousClock.now < deadline {
            log.event("kind", "line")
            sent += 1
            if sent > 50 { try await Task.sleep(for: .milliseconds(20)) }
        }
        let told = lines.all.compactMap { line in line.split(separator: "(and ").last?.split(separator: " ").first.flatMap { Int($0) } }
        #expect(told.count == 1)
        #expect(lines.all.count + told.reduce(0, +) == sent)
    }
}

/// Everything that was logged.
private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    var logger: Logger { Logger(label: "test") { _ in Handler(lines: self) } }

    private struct Handler: LogHandler {
        let lines: Lines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
        func log(event: LogEvent) { lines.lines.withLock { $0.append("\(event.message)") } }
    }
}
