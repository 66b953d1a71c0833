import Links
import NIOCore
import NIOEmbedded
import Sessions
import Telemetry
import Testing
import Wire

@testable import Gateway

/// One client, and what it may do.
@Suite("Client")
struct ClientLinkTests {
    private func codes(_ client: EmbeddedClient) throws -> [UInt16] {
        try client.heard().map { packet in
            switch ControlType(rawValue: packet.header.type) {
            case .undelivered: try Undelivered(body: packet.body, format: .standard).code
            case .reject: 100 + (try Reject(body: packet.body, format: .standard).code)
            default: 0
            }
        }
    }

    private func bytes(_ packet: Packet) -> [UInt8] {
        var buffer = ByteBuffer()
        packet.write(to: &buffer)
        return Array(buffer.readableBytesView)
    }

    @Test("S16: the first packet has 5 s from its first byte to its last, however it drips; then REJECT 14")
    func firstPacket() throws {
        let rig = ShardRig()
        let client = try rig.client()
        rig.advance(.seconds(30))
        for byte in bytes(Packet(type: 3)).prefix(20) {
            try client.channel.writeInbound(ByteBuffer(bytes: [byte]))
            rig.advance(.milliseconds(240))
        }
        #expect(client.isConnected)
        #expect(try codes(client).isEmpty)
        rig.advance(.milliseconds(240))
        #expect(try codes(client) == [114])
        #expect(!client.client.hasSession)
    }

    @Test("S16: 120 s without a complete frame: REJECT 18; a PING is one, half a packet is not")
    func idle() throws {
        let rig = ShardRig()
        let pinging = try rig.client()
        let dripping = try rig.client()
        try dripping.say(Packet(type: ControlType.pong.rawValue))
        for byte in bytes(Packet(type: 3)).prefix(12) {
            try pinging.say(Packet(type: ControlType.ping.rawValue))
            try dripping.channel.writeInbound(ByteBuffer(bytes: [byte]))
            rig.advance(.seconds(9))
            rig.advance(.milliseconds(900))
        }
        #expect(try codes(dripping).isEmpty)
        rig.advance(.milliseconds(1_300))
        #expect(try codes(dripping) == [118])
        #expect(pinging.client.hasSession)
        #expect(try pinging.heard().count == 12)
    }

    @Test("S16: packets over the rate are answered UNDELIVERED 12 each, PING too; the link stays")
    func rate() throws {
        let rig = ShardRig { $0.limits.packetsPerSecond = 3 }
        let upstream = try rig.upstream()
        let client = try rig.client()
        for _ in 0..<4 { try client.say(Packet(type: 3)) }
        try client.say(Packet(type: ControlType.ping.rawValue))
        rig.settle()
        #expect(try codes(client) == [12, 12])
        #expect(try upstream.heard().count == 3)
        rig.advance(.milliseconds(400))
        for _ in 0..<2 { try client.say(Packet(type: 3)) }
        rig.settle()
        #expect(try codes(client) == [12])
        #expect(try upstream.heard().count == 1)
        #expect(client.client.hasSession)
    }

    @Test("S15: a length below the header's: REJECT 14, and nothing behind it is looked at")
    func badLength() throws {
        let rig = ShardRig()
        let upstream = try rig.upstream()
        let client = try rig.client()
        let broken: [UInt8] = [0, 27] + [UInt8](repeating: 0, count: 26)
        try client.channel.writeInbound(ByteBuffer(bytes: bytes(Packet(type: 3)) + broken + bytes(Packet(type: 3))))
        rig.settle()
        #expect(try codes(client) == [114])
        #expect(try upstream.heard().map(\.header.type) == [3, ControlType.sessionClosed.rawValue])
    }

    @Test("S15: another protocol is closed without a word in ours")
    func stranger() throws {
        let rig = ShardRig()
        let client = try rig.client()
        try client.channel.writeInbound(ByteBuffer(string: "GET / HTTP/1.1\r\n"))
        rig.settle()
        #expect(!client.isConnected)
        #expect(try client.heard().isEmpty)
    }

    @Test(
        "S9: a control type that is not for a client to say closes it with code 11",
        arguments: [0xFF01, 0xFF06, 0xFF09, 0xFF0A, 0xFF0B, 0xFFFF] as [UInt16])
    func control(type: UInt16) throws {
        let rig = ShardRig()
        let client = try rig.client()
        try client.say(Packet(type: type, session: client.session))
        rig.settle()
        #expect(try codes(client) == [111])
        #expect(rig.shards[0].counters.security.reduce(0, +) == 1)
    }

    @Test("S9: bound, a foreign pair closes with code 11; the upstream hears SESSION_CLOSED 11 with the bound user")
    func foreign() throws {
        let rig = ShardRig()
        let upstream = try rig.upstream()
        let client = try rig.client()
        try upstream.say(Packet(type: ControlType.bind.rawValue, user: 5, token: 6, session: client.session))
        try client.say(Packet(type: 3, user: 5, token: 7))
        rig.settle()
        #expect(try codes(client) == [111])
        let heard = try upstream.heard()
        #expect(heard.map(\.header.type) == [ControlType.sessionClosed.rawValue])
        #expect(heard.first?.header.user == 5 && heard.first?.header.session == client.session)
        #expect(rig.shards[0].users.find(5).isEmpty)
    }

    @Test("S16: over limits.connections: REJECT 12; a place that is given up can be taken")
    func connections() throws {
        let rig = ShardRig(loops: 2) { $0.limits.connections = 2 }
        let clients = try [rig.client(on: 0), rig.client(on: 1)]
        let third = try rig.client(on: 0)
        #expect(try codes(third) == [112])
        #expect(third.session == 0)
        third.disconnect()
        clients[1].disconnect()
        rig.settle()
        #expect(try rig.client(on: 0).session != 0)
    }

    @Test("S13: a client that does not read is closed over maxPending, with no REJECT; others are not touched")
    func slowConsumer() throws {
        let rig = ShardRig { $0.limits.maxPending = 10_000 }
        let upstream = try rig.upstream()
        let slow = try rig.client()
        let other = try rig.client()
        slow.hold()
        for _ in 0..<12 {
            for client in [slow, other] { try upstream.say(Packet(type: 3, session: client.session, body: ByteBuffer(repeating: 1, count: 972))) }
            rig.settle()
        }
        #expect(!slow.isConnected && other.isConnected)
        #expect(try slow.heard().map(\.header.type) == [3])
        #expect(try other.heard().count == 12)
        #expect(rig.shards[0].counters.clientsClosed.labelled.map(\.0) == ["slowConsumer"])
    }
}
