import NIOCore
import Synchronization
import Telemetry
import Testing
import Wire

@testable import Switchyard

/// Inline handlers that look at packets where they lie, on every side that has handlers.
@Suite("Packets in place")
struct PacketInPlaceTests {
    private static func handlers(_ kept: Kept) -> (inout PacketRouter) -> Void {
        { router in
            router.inline(100) { packet in try packet.reply() }
            router.inline(101) { packet in try packet.reply(packet.text.uppercased(), type: 151) }
            router.inline(102) { packet in try packet.reply(Packet(type: 152, user: 77, token: 5, body: ByteBuffer(string: "you are 77"))) }
            router.inline(103) { packet in
                kept.add(packet.copy())
                for turn in 1...2 { try packet.reply("reply \(turn)", type: 153) }
            }
            router.inline(104) { packet in
                guard packet.text == "half" else { return }
                try packet.withUnsafeBytes { try packet.reply(UnsafeRawBufferPointer(rebasing: $0[..<2])) }
            }
            router.inline(105) { packet in
                let connection = packet.connection
                connection.push(Packet(type: 154, text: "\(connection.session == packet.header.session)"))
                try packet.reply(type: 155)
            }
            router.inline(106...109) { packet in
                switch packet.type {
                case 106: throw PacketRefusal(.badRequest, "three words")
                case 107: throw Secret()
                case 108: try packet.reply(type: 0xFF09)
                default: try packet.reply(Packet(type: 9, body: ByteBuffer(repeating: 1, count: 65_508)))
                }
            }
        }
    }

    private struct Secret: Error { var password = "swordfish" }

    /// Packets that a handler copied.
    private final class Kept: Sendable {
        private let packets = Mutex<[Packet]>([])
        var all: [Packet] { packets.withLock { $0 } }
        func add(_ packet: Packet) { packets.withLock { $0.append(packet) } }
    }

    private static let requests = [(100, "same"), (101, "loud"), (102, ""), (103, "keep me"), (104, "silent"), (104, "half"), (105, "pushed")]
    private static let answers = [
        (100, "same"), (151, "LOUD"), (152, "you are 77"), (153, "reply 1"), (153, "reply 2"), (104, "ha"), (154, "true"), (155, "pushed"),
    ]

    private static func look(at answers: [Packet], kept: Kept, session: UInt64) throws {
        #expect(answers.map { Int($0.type) } == PacketInPlaceTests.answers.map(\.0))
        #expect(answers.map(\.text) == PacketInPlaceTests.answers.map(\.1))
        #expect(answers.allSatisfy { $0.header.session == session })
        let login = try #require(answers.first { $0.type == 152 })
        #expect(login.header.user == 77)
        let copy = try #require(kept.all.first)
        #expect(copy.text == "keep me" && copy.header.type == 103 && copy.header.session == session)
    }

    @Test("S5: what it answers goes back to the sender in order, behind what it pushed; a copy stays", arguments: PacketServerSettings.Peers.allCases)
    func replies(peers: PacketServerSettings.Peers) async throws {
        let kept = Kept()
        try await withServer(peers, handlers: PacketInPlaceTests.handlers(kept)) { server in
            let peer = try await PacketPeer.connect(to: server.address)
            peer.say(PacketInPlaceTests.requests.map { packet(UInt16($0.0), $0.1, es: 1, session: 3) })
            try await eventually("all answers") { peer.answers.count == PacketInPlaceTests.answers.count }
            try PacketInPlaceTests.look(at: peer.answers, kept: kept, session: peers == .gateways ? 3 : peer.answers[0].header.session)
            #expect(peer.answers[0].header.session != 0 && peer.undelivered.isEmpty)
        }
    }

    @Test("the same behind hubs")
    func behindHubs() async throws {
        let hub = try await RunningHub.start(id: 1)
        do {
            let edge = try await hub.edge(1)
            let kept = Kept()
            try await withService([hub], handlers: PacketInPlaceTests.handlers(kept)) { _ in
                try await eventually("the service is listed") { edge.reachable == [100...109] }
                edge.say(PacketInPlaceTests.requests.map { packet(UInt16($0.0), $0.1, es: 1, session: 3) })
                try await eventually("all answers") { edge.answers.count == PacketInPlaceTests.answers.count }
                try PacketInPlaceTests.look(at: edge.answers, kept: kept, session: 3)
            }
        } catch {
            await hub.end()
            throw error
        }
        await hub.end()
    }

    @Test("S1: a refusal has its code, any other error and an answer that is none are internal; the link goes on")
    func refusals() async throws {
        try await withServer(handlers: PacketInPlaceTests.handlers(Kept())) { server in
            let peer = try await PacketPeer.connect(to: server.address)
            peer.say((106...109).map { packet($0, "text \($0)", session: 8) } + [packet(100, "still there", session: 8)])
            try await eventually("the notices and the answer") { peer.heard.count == 5 }
            for notice in peer.heard.dropLast() {
                let report = try Undelivered(body: notice.body, format: .standard)
                let isRefusal = report.lost.type == 106
                #expect(report.code == (isRefusal ? Code.badRequest : .internal).rawValue)
                #expect(report.reason == (isRefusal ? "three words" : Code.internal.name))
                #expect(report.lost.session == 8 && notice.header.session == 8)
            }
            #expect(peer.heard.last?.text == "still there")
        }
    }

    @Test("S12: what it answers behind the end of its link is dropped and counted")
    func behindTheEnd() async throws {
        let handlers: (inout PacketRouter) -> Void = { router in
            router.inline(7) { packet in
                try packet.reply("before")
                packet.connection.kick()
                for _ in 0..<3 { try packet.reply("behind") }
            }
        }
        try await withServer(.clients, handlers: handlers) { server in
            let peer = try await PacketPeer.connect(to: server.address)
            peer.say(packet(7))
            try await eventually("the end") { peer.isClosed }
            #expect(peer.answers.map(\.text) == ["before"])
            let samples = await server.samples()
            #expect(samples.filter { $0.metric == .packets && $0.labels.last == "out" }.reduce(0) { $0 + $1.value } == 1)
            #expect(samples.filter { $0.metric == .discarded && $0.labels.contains("goneSession") }.reduce(0) { $0 + $1.value } == 3)
        }
    }

    @Test("S25: when handlers have been stopped, none is called on the event loop either", arguments: PacketServerSettings.Peers.allCases)
    func stopped(peers: PacketServerSettings.Peers) async throws {
        let calls = Atomic<Int>(0)
        let handlers: (inout PacketRouter) -> Void = { router in
            router.inline(7) { _ in calls.wrappingAdd(1, ordering: .relaxed) }
            router.inline(8) { packet, _ in
                calls.wrappingAdd(1, ordering: .relaxed)
                return packet
            }
        }
        try await withServer(peers, handlers: handlers) { server in
            let peer = try await PacketPeer.connect(to: server.address)
            peer.say(packet(8))
            try await eventually("it serves") { peer.answers.count == 1 }
            for desk in server.desks { desk.isStopped.store(true, ordering: .relaxed) }
            peer.say(packet(7), packet(8), packet(9))
            try await eventually("three notices") { peer.undelivered == Array(repeating: Code.draining.rawValue, count: 3) }
            #expect(calls.load(ordering: .relaxed) == 1)
        }
    }
}
