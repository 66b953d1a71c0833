import Links
import NIOCore
import Routing
import Telemetry
import Testing
import Wire

@testable import Gateway

/// A whole gateway over loopback, with one event loop and with four.
@Suite("Gateway over loopback")
struct FlowTests {
    private static let loops = [1, 4]

    private func numbers(_ packets: some Sequence<Packet>) -> [Int] { packets.map { $0.body.getInteger(at: 0, as: Int.self) ?? -1 } }

    @Test("S5: packets of each of many clients come back in order, over several servers and connections", arguments: loops, Loops.allCases)
    func order(loops: Int, kind: Loops) async throws {
        try await RunningGateway.run(loops: loops, on: kind, servers: 2, connections: 3) { running in
            var peers: [PacketPeer] = []
            for _ in 0..<12 { peers.append(try await running.client()) }
            let count = 300
            for start in stride(from: 0, to: count, by: 20) {
                for peer in peers { peer.say((start..<(start + 20)).map { Packet(type: 3, body: ByteBuffer(integer: $0)) }) }
            }
            try await until("all echoes") { peers.allSatisfy { $0.heard.count >= count } }
            for peer in peers { #expect(numbers(peer.heard) == Array(0..<count)) }
            for peer in running.servers.flatMap(\.peers) {
                let bySession = Dictionary(grouping: peer.heard.filter { !$0.header.isControl }, by: \.header.session)
                for (_, packets) in bySession { #expect(numbers(packets) == Array(0..<count)) }
            }
            #expect(Set(running.servers.flatMap(\.heard).map(\.header.session)).count == peers.count)
        }
    }

    @Test("S9: sessions are the gateway's, all different, and the client's own claims are overwritten", arguments: loops)
    func stamping(loops: Int) async throws {
        try await RunningGateway.run(loops: loops) { running in
            var peers: [PacketPeer] = []
            for _ in 0..<8 {
                let peer = try await running.client()
                peer.say([Packet(type: 3, user: 5, token: 6, es: 7, session: 8)])
                peers.append(peer)
            }
            try await until("all packets") { running.servers[0].heard.count == 8 }
            let headers = running.servers[0].heard.map(\.header)
            #expect(headers.allSatisfy { $0.user == 0 && $0.token == 0 && $0.es == RunningGateway.es && $0.session != 0 })
            #expect(Set(headers.map(\.session)).count == 8)
        }
    }

    @Test("S5: BIND, then a push to the user and a MULTICAST, from one connection to clients of every loop", arguments: loops, Loops.allCases)
    func commands(loops: Int, kind: Loops) async throws {
        try await RunningGateway.run(loops: loops, on: kind) { running in
            let clients = try await running.clients(8)
            let upstream = try #require(running.servers[0].peers.first)
            upstream.say(clients.map { Packet(type: ControlType.bind.rawValue, user: 70, token: 1, session: $0.session) })
            upstream.say([
                Packet(type: 20, user: 70), Packet(Multicast(sessions: clients.map(\.session), inner: Packet(type: 21))),
                Packet(Kick(code: 4, reason: "over"), session: clients[3].session),
            ])
            try await until("push and MULTICAST") { clients.allSatisfy { $0.peer.heard.count >= 3 } && clients[3].peer.isClosed }
            for (index, client) in clients.enumerated() {
                let types = client.peer.heard.map(\.header.type)
                #expect(types == (index == 3 ? [1, 20, 21, ControlType.reject.rawValue] : [1, 20, 21]))
                #expect(client.peer.heard.dropFirst().prefix(2).allSatisfy { $0.header.user == 70 && $0.header.session == client.session })
            }
        }
    }

    @Test("S1: a push that nobody hears: exactly one UNDELIVERED 2", arguments: loops)
    func missedPush(loops: Int) async throws {
        try await RunningGateway.run(loops: loops) { running in
            let clients = try await running.clients(4)
            let upstream = try #require(running.servers[0].peers.first)
            upstream.say([Packet(type: 20, user: 71)])
            try await until("the report") { upstream.heard.contains { $0.header.type == ControlType.undelivered.rawValue } }
            // A round trip through every client's loop later a second report would have come.
            for client in clients { client.peer.say([Packet(type: 22)]) }
            try await until("the round trips") { clients.allSatisfy { $0.peer.heard.count == 2 } }
            let reports = upstream.heard.filter { $0.header.type == ControlType.undelivered.rawValue }
            #expect(try reports.map { try Undelivered(body: $0.body, format: .standard).code } == [2])
        }
    }

    @Test("S4: no upstream: every packet is answered noPeer; no route: noRoute", arguments: loops)
    func absent(loops: Int) async throws {
        let change: (inout GatewaySettings) -> Void = {
            $0.routes[0].types = .init([1...9])
            $0.routes[0].to = [.unix(path: "/nonexistent/upstream.sock")]
        }
        try await RunningGateway.run(loops: loops, change: change) { running in
            let peer = try await running.client()
            peer.say([Packet(type: 3), Packet(type: 10), Packet(type: 3)])
            try await until("the answers") { peer.heard.count == 3 }
            #expect(try peer.heard.map { try Undelivered(body: $0.body, format: .standard).code } == [2, 1, 2])
        }
    }

    @Test("S12: a session's end is told to its upstream once; counters add up over the loops", arguments: loops)
    func counted(loops: Int) async throws {
        try await RunningGateway.run(loops: loops) { running in
            let clients = try await running.clients(4)
            let upstream = try #require(running.servers[0].peers.first)
            for client in clients { client.peer.close() }
            func closed() -> [UInt64] { upstream.heard.filter { $0.header.type == ControlType.sessionClosed.rawValue }.map(\.header.session) }
            // The first says that every earlier session of this edge is gone.
            try await until("all ends") { closed().count >= 5 }
            #expect(closed().first == 0 && closed().dropFirst().sorted() == clients.map(\.session).sorted())
            let samples = await running.gateway.samples()
            func value(_ metric: Metric, _ labels: String...) -> Int {
                samples.filter { $0.metric == metric && $0.labels == labels }.reduce(0) { $0 + $1.value }
            }
            #expect(value(.packets, "gateway", "games", "in") == 4 && value(.packets, "gateway", "games", "out") == 4)
            #expect(value(.bytes, "gateway", "in") == 4 * 28 && value(.bytes, "gateway", "out") == 4 * 28)
            #expect(value(.linksClosed, "gateway", "clients", "cancelled") == 4)
            #expect(value(.linksOpen, "gateway", "clients") == 0 && value(.linksOpen, "gateway", "route") == 1)
            for sample in samples { #expect(sample.labels.count == sample.metric.labels.count, "\(sample)") }
        }
    }
}
