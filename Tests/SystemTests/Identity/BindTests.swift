import Testing
import Wire

extension SystemTests {
    /// BIND and what it changes (rule S9).
    @Suite struct BindTests {
        @Test("S9: before BIND, User_id and Token are 0 whatever the client claims", arguments: ["strict", "stamp"])
        func unbound(verify: String) throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, gateway: ["verify: \(verify)"])) { gateway in
                let client = try gateway.client()
                try client.send(Packet(100, "a", user: 99, token: 98), Packet(100, "b"))
                let packets = try upstream.packets(2)
                #expect(packets.map(\.header.user) == [0, 0] && packets.map(\.header.token) == [0, 0])
                try client.expectNothing()
                let offences = try gateway.metrics()["security_events_total", ["kind": "identity"]]
                #expect(offences == 0)
            }
        }

        @Test("S9: after BIND, 0 for both is filled in, and the bound pair passes", arguments: ["strict", "stamp", "pass"])
        func bound(verify: String) throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, gateway: ["verify: \(verify)"])) { gateway in
                let one = try gateway.bound(to: upstream, user: 5, token: 6)
                try one.client.send(Packet(102, "zero"), Packet(102, "own", user: 5, token: 6))
                let packets = try upstream.packets(3).dropFirst()
                #expect(packets.map(\.text) == ["zero", "own"])
                #expect(packets.allSatisfy { $0.header.user == 5 && $0.header.token == 6 && $0.header.session == one.session })
            }
        }

        @Test("S9: unbound sessions send publicTypes only, bound ones everything")
        func publicTypes() throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, gateway: ["publicTypes: [100-110, 300]"])) { gateway in
                let one = try gateway.introduced(to: upstream)
                for type: UInt16 in [111, 199] {
                    try one.client.send(Packet(type, "early"))
                    let notice = try one.client.expectUndelivered(.unauthorized, of: type)
                    #expect(notice.reason == "unauthorized" && notice.quote == Array("early".utf8))
                }
                try one.client.send(Packet(300))
                try one.client.expectUndelivered(.noRoute, of: 300)
                try one.bind(by: upstream, user: 5, token: 6)
                try one.client.send(Packet(199, "now"))
                #expect(try upstream.packets(2)[1].text == "now")
                try one.bind(by: upstream, user: 0, token: 0)
                try one.client.send(Packet(199, "no more"))
                try one.client.expectUndelivered(.unauthorized, of: 199)
            }
        }

        @Test("S9: a later BIND replaces the user, User_id 0 unbinds")
        func again() throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream)) { gateway in
                let one = try gateway.bound(to: upstream, user: 5, token: 6)
                try one.client.send(Packet(100, "first"))
                #expect(try upstream.packets(2)[1].header.user == 5)
                try one.bind(by: upstream, user: 7, token: 8)
                try one.client.send(Packet(100, "second", user: 7, token: 8))
                #expect(try upstream.packets(3)[2].header.user == 7)
                try upstream.send(Packet(100, "for 5", user: 5), Packet(100, "for 7", user: 7))
                #expect(try one.client.receive().text == "for 7")
                try one.bind(by: upstream, user: 0, token: 0)
                try one.client.send(Packet(100, "third", user: 7, token: 8))
                let third = try upstream.packets(4)[3]
                #expect(third.header.user == 0 && third.header.token == 0)
            }
        }

        @Test("S12: BIND for a session that is gone is answered UNDELIVERED noPeer")
        func gone() throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream)) { gateway in
                let one = try gateway.introduced(to: upstream)
                one.client.leave()
                try gateway.eventuallyMetric("links_open", ["side": "clients"]) { $0 == 0 }
                for packet in [
                    Packet(Bind(), user: 5, token: 6, es: 1, session: one.session),
                    Packet(Kick(code: 11, reason: "x"), es: 1, session: one.session),
                ] {
                    try upstream.send(packet)
                    let notice = try obtain("UNDELIVERED for \(packet.summary)") {
                        try upstream.controls(.undelivered).lazy.map { try $0.read(Undelivered.self) }.first { $0.lost.type == packet.header.type }
                    }
                    #expect(notice.code == Code.noPeer.rawValue && notice.lost.session == one.session)
                }
            }
        }
    }
}
