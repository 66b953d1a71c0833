/// When the open requests of one connection were made, found by their sequence number: for protocols whose answers carry that and no
/// bytes of the request.
///
/// Sequence numbers come in order, 1, 2, 3... and wrap. Grows to the most that lies between the oldest open request and the newest.
struct RequestTimes: Sendable {
    /// 0: answered.
    private var times: [UInt64]
    /// The oldest request that may be open, and how many there are from it on.
    private var oldest: UInt32
    private var count = 0

    /// - Parameters:
    ///   - capacity: a power of 2.
    ///   - first: the first request's number.
    init(capacity: Int = 64, first: UInt32 = 1) {
        times = Array(repeating: 0, count: capacity)
        oldest = first
    }

    /// The next request was made.
    /// - Parameter time: not 0.
    mutating func add(_ time: UInt64) {
        if count == times.count { grow() }
        times[place(oldest &+ UInt32(count))] = time
        count += 1
    }

    /// Takes out the time of a request that was answered; nil when it is not open.
    mutating func take(_ sequence: UInt32) -> UInt64? {
        guard sequence &- oldest < UInt32(count) else { return nil }
        let time = times[place(sequence)]
        guard time != 0 else { return nil }
        times[place(sequence)] = 0
        while count > 0, times[place(oldest)] == 0 {
            oldest &+= 1
            count -= 1
        }
        return time
    }

    /// Requests that there is room for.
    var capacity: Int { times.count }

    private func place(_ sequence: UInt32) -> Int { Int(sequence) & (times.count - 1) }

    private mutating func grow() {
        var larger = Array(repeating: UInt64(0), count: 2 * times.count)
        for step in 0..<UInt32(count) {
            let sequence = oldest &+ step
            larger[Int(sequence) & (larger.count - 1)] = times[place(sequence)]
        }
        times = larger
    }
}
