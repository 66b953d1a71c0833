import Foundation

/// Something that should have happened and did not; the description is what the failed test prints.
struct Unmet: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Polls until `value` gives something, and throws ``Unmet`` when the limit passes first.
func obtain<T>(_ what: @autoclosure () -> String, within limit: Duration = .seconds(10), _ value: () throws -> T?) throws -> T {
    let end = ContinuousClock.now + limit
    while true {
        if let found = try value() { return found }
        guard ContinuousClock.now < end else { throw Unmet("not within \(limit): \(what())") }
        usleep(1000)
    }
}

/// Polls until `condition` holds, and throws ``Unmet`` when the limit passes first.
func eventually(_ what: @autoclosure () -> String, within limit: Duration = .seconds(10), _ condition: () throws -> Bool) throws {
    let _: Void = try obtain(what(), within: limit) { try condition() ? () : nil }
}

/// Lets time pass where the passing of time is itself the subject (a rate, an idle limit), never to win a race.
func pass(_ duration: Duration) {
    usleep(UInt32(duration / .microseconds(1)))
}

/// Milliseconds left until `end`, for `poll`; 0 when it has passed.
func milliseconds(until end: ContinuousClock.Instant) -> Int32 {
    let left = end - ContinuousClock.now
    guard left > .zero else { return 0 }
    return Int32(min(left / .milliseconds(1) + 1, 3_600_000))
}
