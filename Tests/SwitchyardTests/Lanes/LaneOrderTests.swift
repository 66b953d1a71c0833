import Switchyard
import Synchronization
import TestSupport
import Testing

/// What was done in which order, and whether two of one key ever overlapped.
private final class Journal: Sendable {
    private struct State {
        var done: [UInt64: [Int]] = [:]
        var under: Set<UInt64> = []
        var overlaps = 0
        var most = 0
    }
    private let state = Mutex(State())

    func begin(_ key: UInt64) {
        state.withLock { state in
            if !state.under.insert(key).inserted { state.overlaps += 1 }
            state.most = max(state.most, state.under.count)
        }
    }

    func end(_ key: UInt64, _ number: Int) {
        state.withLock { state in
            state.under.remove(key)
            state.done[key, default: []].append(number)
        }
    }

    var done: [UInt64: [Int]] { state.withLock { $0.done } }
    var overlaps: Int { state.withLock { $0.overlaps } }
    /// The most keys that were handled at the same time.
    var most: Int { state.withLock { $0.most } }
    var count: Int { state.withLock { $0.done.values.reduce(0) { $0 + $1.count } } }
}

/// Order within a lane, whatever handlers do.
@Suite("Lane order", .serialized)
struct LaneOrderTests {
    private static let keys = 40
    private static let each = 100

    /// 40 senders with 100 packets each, interleaved at random, over two connections; handlers that return at once, suspend, block or throw.
    private func run(_ laneKey: LaneKey, seed: UInt64) async throws -> Journal {
        let journal = Journal()
        let handlers: (inout PacketRouter) -> Void = { router in
            router.laneKey = laneKey
            router.on(5) { packet, connection in
                let key = laneKey == .user ? connection.user : connection.session
                journal.begin(key)
                guard let number = Int(packet.text) else { throw PacketRefusal(.badRequest) }
                switch UInt64(number) &* 7 &+ key &* 13 &+ seed {
                case let roll where roll % 5 == 0: try await Task.sleep(for: .microseconds(Int(roll % 3_000)))
                case let roll where roll % 31 == 0: hold(seconds: 0.002)
                case let roll where roll % 7 == 0: await Task.yield()
                case let roll where roll % 11 == 0:
                    journal.end(key, number)
                    throw PacketRefusal(.internal)
                default: break
                }
                journal.end(key, number)
                return packet
            }
        }
        try await withServer(handlers: handlers) { server in
            var random = Seeded(seed)
            let peers = [try await PacketPeer.connect(to: server.address), try await PacketPeer.connect(to: server.address)]
            var left = (1...LaneOrderTests.keys).map { (key: UInt64($0), next: 0) }
            while !left.isEmpty {
                var burst: [[Packet]] = [[], []]
                for _ in 0..<Int.random(in: 1...60, using: &random) where !left.isEmpty {
                    let index = Int.random(in: left.indices, using: &random)
                    let (key, next) = left[index]
                    // A user has several sessions, all on one connection, so that what it sends has an order.
                    let session = laneKey == .user ? key * 100 + UInt64(next % 3) : key
                    burst[Int(key % 2)].append(packet(5, "\(next)", user: laneKey == .user ? key : 0, session: session))
                    if next + 1 == LaneOrderTests.each { left.remove(at: index) } else { left[index].next += 1 }
                }
                for (peer, packets) in zip(peers, burst) where !packets.isEmpty { peer.say(packets) }
            }
            try await eventually("all are handled", within: .seconds(30)) { journal.count == LaneOrderTests.keys * LaneOrderTests.each }
            try await eventually("all are answered") {
                peers.reduce(0) { $0 + $1.answers.count + $1.undelivered.count } == LaneOrderTests.keys * LaneOrderTests.each
            }
            // Back, the order of each session is that in which it was handled.
            for peer in peers {
                var last: [UInt64: Int] = [:]
                for answer in peer.answers {
                    let number = Int(answer.text) ?? -1
                    #expect(number > last[answer.header.session] ?? -1)
                    last[answer.header.session] = number
                }
            }
        }
        return journal
    }

    @Test("S8: packets with equal key are handled in the order sent, one at a time, while others run", arguments: LaneKey.allCases, 1...3)
    func order(key: LaneKey, seed: UInt64) async throws {
        let journal = try await run(key, seed: seed)
        #expect(journal.overlaps == 0)
        #expect(journal.most > 1)
        #expect(journal.done.count == LaneOrderTests.keys)
        for (key, numbers) in journal.done { #expect(numbers == Array(0..<LaneOrderTests.each), "key \(key)") }
    }
}
