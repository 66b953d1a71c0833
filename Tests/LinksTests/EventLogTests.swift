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
        var now = NIODeadline.uptimeNanoseconds(7_000_000_000)
        let log = EventLog(lines.logger, clock: { now })
        for number in 0..<1_000 {
            log.event("first", "first \(number)")
            now = now + .nanoseconds(999_999)
        }
        for number in 0..<5 { log.event("second", "second \(number)") }
        #expect(lines.all == (0..<20).map { "first \($0)" } + (0..<5).map { "second \($0)" })
        for number in 0..<1_000 { log.event("first", "again \(number)") }
        // A second after its first line the kind has 20 more.
        now = now + .microseconds(1)
        #expect(lines.all.count == 25)
        for number in 0..<1_000 { log.event("first", "later \(number)") }
        #expect(lines.all.count == 45)
    }

    @Test("what was left out is told, every line of it, with the next line of that kind, once")
    func suppressed() {
        let lines = Lines()
        var now = NIODeadline.uptimeNanoseconds(7_000_000_000)
        let log = EventLog(lines.logger, clock: { now })
        for _ in 0..<51 { log.event("kind", "line") }
        now = now + .seconds(1)
        log.event("other", "line")
        log.event("kind", "line")
        log.event("kind", "line")
        let expected = Array(repeating: "line", count: 21) + ["line (and 31 more of this kind)", "line"]
        #expect(lines.all == expected)
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
