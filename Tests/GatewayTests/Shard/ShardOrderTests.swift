import NIOCore
import NIOEmbedded
import Synchronization
import TestSupport
import Testing
import Wire

@testable import Gateway

/// Packets between clients and upstreams of several event loops whose turns end in any order.
@Suite("Order across loops")
struct ShardOrderTests {
    private func numbers(_ packets: [Packet]) -> [Int] { packets.map { $0.body.getInteger(at: 0, as: Int.self) ?? -1 } }

    @Test("S5: each session's packets arrive in order, each once, both ways", arguments: [1, 2, 3, 4], [1, 4])
    func order(seed: UInt64, loops: Int) throws {
        var random = Seeded(seed)
        let rig = ShardRig(loops: loops)
        let upstreams = try (0..<3).map { try rig.upstream(on: $0 % loops) }
        let clients = try (0..<12).map { try rig.client(on: $0 % loops) }
        var sent = [Int](repeating: 0, count: clients.count)
        var toUpstream: [UInt64: [Int]] = [:]
        var cameBy: [UInt64: Set<Int>] = [:]
        for _ in 0..<1_500 {
            switch Int.random(in: 0..<4, using: &random) {
            case 0, 1:
                let index = Int.random(in: clients.indices, using: &random)
                try clients[index].say(Packet(type: 3, session: .random(in: 0 ... .max, using: &random), body: ByteBuffer(integer: sent[index])))
                sent[index] += 1
            case 2:
                rig.eventLoops.randomElement(using: &random)!.run()
            default:
                // An upstream answers what it has heard.
                let position = Int.random(in: upstreams.indices, using: &random)
                try answer(upstreams[position], position, &toUpstream, &cameBy)
            }
        }
        rig.settle()
        for position in upstreams.indices { try answer(upstreams[position], position, &toUpstream, &cameBy) }
        rig.settle()
        for (index, client) in clients.enumerated() {
            #expect(toUpstream[client.session] == Array(0..<sent[index]))
            #expect(cameBy[client.session]?.count == 1)
            #expect(numbers(try client.heard()) == Array(0..<sent[index]))
        }
    }

    private func answer(
        _ upstream: EmbeddedUpstream, _ position: Int, _ heard: inout [UInt64: [Int]], _ cameBy: inout [UInt64: Set<Int>]
    ) throws {
        for packet in try upstream.heard() {
            heard[packet.header.session, default: []] += numbers([packet])
            cameBy[packet.header.session, default: []].insert(position)
            try upstream.say(packet)
        }
    }

    @Test("S4: what waited for an upstream goes out before what comes after it, in order", arguments: [1, 4])
    func waiting(loops: Int) throws {
        let rig = ShardRig(loops: loops) { $0.routes[0].waitForPeer = .seconds(2) }
        let clients = try (0..<loops).map { try rig.client(on: $0) }
        for number in 0..<20 { for client in clients { try client.say(Packet(type: 3, body: ByteBuffer(integer: number))) } }
        rig.settle()
        let upstream = try rig.upstream(on: loops - 1)
        for number in 20..<30 { for client in clients { try client.say(Packet(type: 3, body: ByteBuffer(integer: number))) } }
        rig.settle()
        let heard = try upstream.heard()
        for client in clients { #expect(numbers(heard.filter { $0.header.session == client.session }) == Array(0..<30)) }
        #expect(rig.undelivered().isEmpty)
    }

    @Test("S4: a wait that ends is answered as failing fast would have been; over waitBytes it is busy")
    func waitEnds() throws {
        let rig = ShardRig {
            $0.routes[0].waitForPeer = .seconds(2)
            $0.routes[0].waitBytes = 100
        }
        let client = try rig.client()
        for number in 0..<3 { try client.say(Packet(type: 3, body: ByteBuffer(integer: number))) }
        rig.settle()
        #expect(try codes(client) == [3])
        rig.advance(.milliseconds(1_990))
        #expect(try client.heard().isEmpty)
        rig.advance(.milliseconds(30))
        #expect(try codes(client) == [2, 2])
        #expect(rig.context.waitingBytes[0].value.load(ordering: .relaxed) == 0)
    }

    private func codes(_ client: EmbeddedClient) throws -> [UInt16] {
        try client.heard().map { try Undelivered(body: $0.body, format: .standard).code }
    }
}
