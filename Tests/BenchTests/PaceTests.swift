import Testing

@testable import Bench

@Suite struct PaceTests {
    @Test("Requests are due at start + n / rate, without drift", arguments: [1, 3, 7, 1000, 999_983, 100_000_000])
    func schedule(rate: Int) {
        let start: UInt64 = 12_345
        let pace = Pace(start: start, rate: rate)
        #expect(pace.time(of: 0) == start)
        #expect(pace.time(of: UInt64(rate)) == start + 1_000_000_000)
        #expect(pace.time(of: UInt64(rate) * 86_400) == start + 86_400 * 1_000_000_000)
    }

    @Test("What is due agrees with when it is due", arguments: [1, 3, 7, 1000, 999_983, 100_000_000])
    func dueMatchesTime(rate: Int) {
        let pace = Pace(start: 1_000, rate: rate)
        #expect(pace.due(at: 999) == 0)
        for index in [0, 1, 2, 5, UInt64(rate) - 1, UInt64(rate), UInt64(rate) + 1, UInt64(rate) * 3_600 + 11] {
            let time = pace.time(of: index)
            #expect(pace.due(at: time) > index, "request \(index) is due at its time")
            #expect(pace.due(at: time - 1) <= index, "request \(index) is not due before its time")
        }
    }

    @Test("A connection has every n-th request, and knows how many it has not sent")
    func unsentShare() {
        let connection = LoadConnection(codec: PacketBenchCodec(type: 7, size: 16, connection: 2), index: 2)
        // Its requests are 2, 7, 12, 17...
        #expect(connection.unsent(in: 0..<2, stride: 5) == 0)
        #expect(connection.unsent(in: 0..<3, stride: 5) == 1)
        #expect(connection.unsent(in: 0..<18, stride: 5) == 4)
        #expect(connection.unsent(in: 3..<18, stride: 5) == 3)
        #expect(connection.unsent(in: 7..<8, stride: 5) == 1)
        #expect(connection.unsent(in: 8..<12, stride: 5) == 0)
    }
}
