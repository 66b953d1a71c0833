import Links
import NIOCore
import NIOEmbedded
import Synchronization
import Testing
import Wire

@testable import Gateway

/// A loop's part in leaving.
@Suite("Leaving")
struct LeavingTests {
    @Test("S25: clients are closed evenly over the time, each with 250 ms for answers and REJECT 4")
    func even() throws {
        let rig = ShardRig()
        let clients = try (0..<10).map { _ in try rig.client() }
        let done = Flag()
        rig.shards[0].leave(spread: .seconds(10)).whenSuccess { done.raise() }
        rig.settle()
        for second in 1...10 {
            rig.advance(.seconds(1))
            let told = clients.count { !$0.client.hasSession }
            #expect((second...second + 1).contains(told), "\(told) after \(second) s")
        }
        rig.advance(.seconds(1))
        #expect(clients.allSatisfy { !$0.client.hasSession })
        for client in clients {
            let heard = try client.heard()
            #expect(try heard.map { try Reject(body: $0.body, format: .standard).code } == [4])
        }
        rig.advance(.seconds(3))
        #expect(done.isRaised && rig.shards[0].openClients == 0)
    }

    @Test("S25: at once is at once; without clients it is done at once; who comes later is turned away with code 4")
    func atOnce() throws {
        let rig = ShardRig()
        let clients = try (0..<5).map { _ in try rig.client() }
        let done = Flag()
        rig.shards[0].leave(spread: .zero).whenSuccess { done.raise() }
        rig.settle()
        #expect(clients.allSatisfy { $0.client.link.isPaused })
        rig.advance(.milliseconds(270))
        #expect(clients.allSatisfy { !$0.client.hasSession })
        rig.advance(.seconds(3))
        #expect(done.isRaised)
        let late = try rig.client()
        #expect(try late.heard().map { try Reject(body: $0.body, format: .standard).code } == [4])

        let emptyDone = Flag()
        ShardRig().shards[0].leave(spread: .seconds(9)).whenSuccess { emptyDone.raise() }
        #expect(emptyDone.isRaised)
    }
}

private final class Flag: Sendable {
    private let value = Atomic(false)
    var isRaised: Bool { value.load(ordering: .relaxed) }
    func raise() { value.store(true, ordering: .relaxed) }
}
