import Links
import Logging
import NIOCore
import Synchronization

/// Finds handler calls that last, without reading a clock for each call: a lane whose progress is the same odd number at looks a second
/// apart has been in one call for that second.
struct CallWatch {
    private struct Call {
        var progress: UInt64 = 0
        var since = NIODeadline.distantPast
        var isReported = false
    }

    private var calls = [Call](repeating: Call(), count: Lanes.count)
    private var lastLook = NIODeadline.distantPast
    private static let interval = TimeAmount.milliseconds(50)

    /// The lanes whose call has lasted over a second and was not reported before, each with its whole seconds.
    mutating func look(at lanes: [Lane], now: NIODeadline) -> [(lane: Int, seconds: Int)] {
        guard now - lastLook >= CallWatch.interval else { return [] }
        lastLook = now
        var found: [(lane: Int, seconds: Int)] = []
        for index in lanes.indices {
            let progress = lanes[index].progress.load(ordering: .relaxed)
            guard progress & 1 == 1 else { continue }
            if calls[index].progress != progress {
                calls[index] = Call(progress: progress, since: now)
            } else if !calls[index].isReported, now - calls[index].since >= Lanes.stall {
                calls[index].isReported = true
                found.append((index, Int((now - calls[index].since).nanoseconds / 1_000_000_000)))
            }
        }
        return found
    }
}

/// A count that several threads take down.
final class Counter: Sendable {
    private let value: Atomic<Int>
    init(_ value: Int) { self.value = Atomic(value) }
    func increment() { value.wrappingAdd(1, ordering: .relaxed) }
    func decrement() -> Int { value.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue }
}

/// An ``EventLog`` in a place that a mutex may guard.
struct EventLogBox {
    let log: EventLog
    init(_ logger: Logger) { log = EventLog(logger) }
}
