import Testing
import Wire

extension SystemTests {
    /// KICK (protocol, section 2).
    @Suite struct KickTests {
        @Test("KICK: what is queued goes out first, then REJECT with its code and reason, then the close")
        func kick() throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream)) { gateway in
                let one = try gateway.introduced(to: upstream)
                let queued = (0..<400).map { number in
                    var packet = Packet(100, from: 0, number: number, size: 1000)
                    packet.header.session = one.session
                    return packet
                }
                try upstream.connection().send(queued + [Packet(Kick(code: 4242, reason: "cheating"), es: 1, session: one.session)])
                let received = try one.client.remaining()
                #expect(received.dropLast().map(\.number) == Array(0..<400))
                let notice = try #require(received.last).read(Reject.self)
                #expect(notice.code == 4242 && notice.reason == "cheating")
                let closed = try obtain("SESSION_CLOSED") { upstream.controls(.sessionClosed).first { $0.header.session == one.session } }
                #expect(try closed.read(SessionClosed.self).code == 4242)
                try gateway.eventuallyMetric("links_open", ["side": "clients"]) { $0 == 0 }
            }
        }

        @Test("KICK: only the named session is closed; a body without a code is answered badRequest")
        func named() throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream)) { gateway in
                let (first, second) = (try gateway.introduced(to: upstream), try gateway.introduced(to: upstream))
                try upstream.send(Packet(.kick, bytes: [7], es: 1, session: first.session))
                let notice = try upstream.controls(.undelivered, 1)[0].read(Undelivered.self)
                #expect(notice.code == Code.badRequest.rawValue && notice.lost.type == ControlType.kick.rawValue)
                try first.client.expectNothing()
                try upstream.send(Packet(Kick(code: 11, reason: "out"), es: 1, session: first.session))
                try first.client.expectReject(.unauthorized)
                try second.client.expectNothing()
            }
        }

        @Test("KICK: with tellClients: false the client is closed without a word, after what was queued")
        func silent() throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, gateway: ["tellClients: false"])) { gateway in
                let one = try gateway.introduced(to: upstream)
                try upstream.send(Packet(100, "farewell", session: one.session), Packet(Kick(code: 11, reason: "out"), es: 1, session: one.session))
                #expect(try one.client.remaining().map(\.text) == ["farewell"])
            }
        }
    }
}
