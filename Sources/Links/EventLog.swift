package import Logging
package import NIOCore

/// One line for each event that an operator acts on, and never a flood: of one kind at most ``burst`` a second on each loop; what was
/// left out is told with the next line of that kind.
package final class EventLog {
    package static let burst = 20
    private struct Window {
        var start: NIODeadline
        var lines = 0
        var suppressed = 0
    }

    private let logger: Logger
    private let clock: () -> NIODeadline
    private var windows: [String: Window] = [:]

    /// - Parameter clock: what time it is, for tests that make it pass.
    package init(_ logger: Logger, clock: @escaping () -> NIODeadline = NIODeadline.now) {
        self.logger = logger
        self.clock = clock
    }

    /// - Parameter kind: one of a few fixed words; limits apply to each.
    package func event(_ kind: String, level: Logger.Level = .warning, _ message: @autoclosure () -> String) {
        let now = clock()
        var window = windows[kind] ?? Window(start: now)
        if now - window.start >= .seconds(1) {
            window.start = now
            window.lines = 0
        }
        if window.lines < EventLog.burst {
            let left = window.suppressed > 0 ? " (and \(window.suppressed) more of this kind)" : ""
            logger.log(level: level, "\(message())\(left)")
            window.lines += 1
            window.suppressed = 0
        } else {
            window.suppressed += 1
        }
        windows[kind] = window
    }
}
