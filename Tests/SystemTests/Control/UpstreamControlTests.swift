import Testing
import Wire

extension SystemTests {
    /// What a direct upstream may say, and what comes of the rest (protocol, section 2).
    @Suite struct UpstreamControlTests {
        @Test(
            "Protocol 2: kinds that an upstream may not send are not obeyed and counted; the link stays",
            arguments: [ControlType.welcome, .sessionClosed, .peers])
        func notAllowed(kind: ControlType) throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream)) { gateway in
                let one = try gateway.bound(to: upstream, user: 5, token: 6)
                try upstream.send(Packet(kind, bytes: [0, 8], user: 5, es: 1, session: one.session), Packet(100, "still here", session: one.session))
                #expect(try one.client.receive().text == "still here")
                try gateway.eventuallyMetric("security_events_total", ["role": "gateway", "kind": "kind"]) { $0 == 1 }
                #expect(upstream.connections.count == 1)
            }
        }

        @Test("Protocol: kinds that nobody knows are ignored, and never passed on to a client", arguments: [UInt16(0xFF00), 0xFF0D, 0xFF7F, 0xFFFF])
        func unknown(type: UInt16) throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream)) { gateway in
                let one = try gateway.bound(to: upstream, user: 5, token: 6)
                try upstream.send(Packet(type, bytes: [0, 8], user: 5, es: 1, session: one.session), Packet(100, "still here", session: one.session))
                #expect(try one.client.receive().text == "still here")
                #expect(upstream.connections.count == 1)
                #expect(upstream.controls(.undelivered).isEmpty)
            }
        }

        @Test("Protocol 2: an upstream's PING is answered with the same header and bytes; one of more than 64 bytes is badRequest")
        func ping() throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream)) { _ in
                let bytes = (0..<64).map { UInt8($0) }
                try upstream.send(Packet(.ping, bytes: bytes, user: 1, token: 2, es: 3, session: 4))
                let pong = try upstream.controls(.pong, 1)[0]
                #expect(pong.bytes == bytes)
                #expect(pong.header == PacketHeader(bodyCount: 64, type: 0xFF05, user: 1, token: 2, es: 3, session: 4))
                try upstream.send(Packet(.ping, bytes: bytes + [1], user: 1))
                let notice = try upstream.controls(.undelivered, 1)[0].read(Undelivered.self)
                #expect(notice.code == Code.badRequest.rawValue && notice.lost.type == ControlType.ping.rawValue && notice.lost.length == 93)
                #expect(upstream.connections.count == 1)
            }
        }

        @Test("S1: an upstream's UNDELIVERED is passed on to the client that it names, with the code's name as reason")
        func undelivered() throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream)) { gateway in
                let (one, other) = (try gateway.introduced(to: upstream), try gateway.introduced(to: upstream))
                let lost = PacketHeader(bodyCount: 3, type: 100, es: 1, session: one.session)
                let notice = Undelivered(code: Code.busy.rawValue, lost: lost, quote: [1, 2, 3], reason: "queue of worker 7 at 10.0.0.9")
                try upstream.send(Packet(notice, es: 1, session: one.session))
                let told = try one.client.expectUndelivered(.busy, of: 100)
                #expect(told.quote == [1, 2, 3] && told.reason == "busy" && told.lost == lost)
                try other.client.expectNothing()
            }
        }

        @Test("DRAIN: a leaving upstream gets DRAIN 0 and nothing new; the other one takes over, answers still pass")
        func drain() throws {
            let (leaving, staying) = (try UpstreamServer(.record), try UpstreamServer(.record))
            defer { for upstream in [leaving, staying] { upstream.stop() } }
            try withGateway(Configuration(routes: [Configuration.route("pair", "100-199", leaving, staying)])) { gateway in
                let clients = try gateway.clients(30)
                for (index, client) in clients.enumerated() { try client.send(Packet(100, "first \(index)")) }
                _ = try obtain("30 packets") { leaving.packets.count + staying.packets.count == 30 ? () : nil }
                #expect(!leaving.packets.isEmpty, "30 sessions that all choose one of two")
                try leaving.send(Packet(Drain(deadlineMilliseconds: 10000)))
                let answer = try leaving.controls(.drain, 1)[0]
                #expect(try answer.read(Drain.self).deadlineMilliseconds == 0)
                let before = leaving.arrivals.count
                let stayed = staying.packets.count
                for client in clients { try client.send(Packet(101, "second")) }
                _ = try staying.packets(stayed + 30)
                let first = leaving.packets[0]
                try leaving.send(Packet(100, "late answer", session: first.header.session))
                let index = try #require(Int(first.text.dropFirst("first ".count)))
                #expect(try clients[index].receive().text == "late answer")
                #expect(leaving.arrivals[before...].allSatisfy { $0.packet.control == .ping })
                #expect(leaving.live.count == 1)
            }
        }

        @Test("DRAIN: with no other upstream its packets are answered draining")
        func alone() throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream)) { gateway in
                let client = try gateway.client()
                try upstream.send(Packet(Drain(deadlineMilliseconds: 10000)))
                _ = try upstream.controls(.drain, 1)
                try client.send(Packet(100))
                try client.expectUndelivered(.draining, of: 100)
                #expect(upstream.packets.isEmpty)
            }
        }

        @Test("Protocol 2: an upstream that says REJECT and closes is dialed again")
        func reject() throws {
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream)) { gateway in
                let connection = try upstream.connection()
                try connection.send(Packet(Reject(.busy)))
                connection.socket.end()
                _ = try obtain("a second connection", within: .seconds(20)) { upstream.connections.count == 2 ? () : nil }
                let client = try gateway.client()
                try eventually("echo", within: .seconds(20)) { try client.exchange(Packet(100, "hi")).text == "hi" }
            }
        }
    }
}
