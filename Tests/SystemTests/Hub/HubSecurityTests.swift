import NIOCore
import Testing
import Wire

extension SystemTests {
    /// Who may say what to a hub: each refusal with its code, and counted.
    @Suite struct HubSecurityTests {
        private let join = [
            "join:", "  - { token: env:EDGE, role: edge, clusters: [1], nodes: [1-16] }",
            "  - { token: env:CHAT, role: service, clusters: [1], nodes: [1-99], types: [100-199], may: [bind] }",
        ]
        private let secrets = ["EDGE": "edge secret", "CHAT": "chat secret"]

        private func hello(_ role: Role, cluster: UInt32 = 1, node: UInt64 = 1, claims: [Claim] = [], token: String) -> Packet {
            Packet(Hello(role: role, cluster: cluster, node: node, claims: claims, token: Array(token.utf8)))
        }

        @Test("Wrong token, wrong role for the port, an overstepped join entry: 11")
        func handshake() throws {
            try withHub(hub: join, environment: secrets) { hub in
                let cases: [(Role, Packet)] = [
                    (.edge, hello(.edge, token: "wrong")), (.edge, hello(.service, token: "chat secret")),
                    (.service, hello(.edge, token: "edge secret")), (.edge, hello(.edge, cluster: 2, token: "edge secret")),
                    (.edge, hello(.edge, node: 17, token: "edge secret")),
                    (.service, hello(.service, claims: [Claim(99, 100)], token: "chat secret")),
                    (.service, hello(.service, token: "edge secret")),
                ]
                for (port, hello) in cases {
                    let link = try hub.link(port)
                    try link.send(hello)
                    try link.expectReject(.unauthorized)
                }
                try hub.eventuallyMetric("security_events_total", ["kind": "token"]) { $0 == 1 }
                try hub.eventuallyMetric("security_events_total", ["kind": "credential"]) { $0 == 6 }
                try hub.eventuallyMetric("links_closed_total", ["role": "hub", "code": "unauthorized"]) { $0 == 7 }
            }
        }

        @Test("Data before HELLO, a HELLO that is too large, of another version, or that does not parse")
        func badHellos() throws {
            try withHub { hub in
                func refused(_ bytes: [UInt8], _ code: Code) throws {
                    let link = try hub.link(.edge)
                    try link.socket.write(bytes)
                    try link.expectReject(code)
                }
                try refused(Packet(7, "x").encoded(), .protocol)
                try refused(Packet(.ping).encoded(), .protocol)
                try refused([0, 5], .protocol)
                var version = Hello(role: .edge, cluster: 1, node: 1)
                version.version = 9
                try refused(Packet(version).encoded(), .unsupportedVersion)
                try refused(Packet(.hello, bytes: [1, 1, 0]).encoded(), .protocol)
                // By its length: the body need not come.
                try refused(Array(Packet(.hello, bytes: [UInt8](repeating: 1, count: 32 * 1024 + 1)).encoded().prefix(64)), .protocol)
                try hub.eventuallyMetric("links_closed_total", ["role": "hub", "code": "protocol"]) { $0 == 5 }
            }
        }

        @Test("A link that says nothing is refused with 14 after 5 s, and so is one that says its HELLO byte by byte")
        func slowHello() throws {
            try withHub { hub in
                let silent = try hub.link(.edge)
                let slow = try hub.link(.service)
                try slow.socket.write(Array(Packet(Hello(role: .service, cluster: 1, node: 1)).encoded().prefix(30)))
                try silent.expectReject(.protocol)
                try slow.expectReject(.protocol)
            }
        }

        @Test("A later HELLO that changes who speaks is refused with 11, and closed")
        func changedIdentity() throws {
            try withHub { hub in
                let edge = try hub.edge(1)
                try edge.send(Packet(Hello(role: .edge, cluster: 1, node: 2)))
                try edge.expectReject(.unauthorized)
                try hub.eventuallyMetric("security_events_total", ["kind": "identity"]) { $0 == 1 }
            }
        }

        @Test("S10: an edge speaks for itself alone, a service addresses its own cluster alone: 11")
        func identity() throws {
            try withHub { hub in
                let edge = try hub.edge(1)
                let foreign = try hub.edge(2, cluster: 2)
                let service = try hub.service(9, 100...199, flags: .sessionClosed)
                try edge.send(Packet(150, "as 2", es: 2, session: 7), Packet(SessionClosed(.cancelled), es: 2, session: 7))
                while true {
                    let packet = try edge.word(within: .seconds(5))
                    #expect(try packet.read(Undelivered.self).code == Code.unauthorized.rawValue)
                    break
                }
                try service.send(
                    Packet(150, "to 2", es: 2, session: 7), Packet(Kick(code: 8, reason: ""), es: 2, session: 7), Packet(120, "u", user: 3, es: 2))
                for _ in 0..<3 { try undelivered(service, .unauthorized) }
                try service.send(Packet(Undelivered(code: 3, lost: PacketHeader(length: 28, type: 1), quote: [], reason: ""), es: 2, session: 7))
                try foreign.expectNothing()
                try hub.eventuallyMetric("security_events_total", ["kind": "identity"]) { $0 == 2 }
                try hub.eventuallyMetric("security_events_total", ["kind": "cluster"]) { $0 == 4 }
            }
        }

        @Test("What oversteps `may` is answered 11")
        func may() throws {
            try withHub(hub: join, environment: secrets) { hub in
                let edge = try hub.edge(1, token: "edge secret")
                let service = try hub.service(9, 100...199, token: "chat secret")
                try service.send(
                    Packet(Kick(code: 8, reason: ""), es: 1, session: 7), Packet(120, "push", user: 5, es: 1),
                    Packet(Multicast(sessions: [], inner: Packet(120)), es: 1))
                for _ in 0..<3 { try undelivered(service, .unauthorized) }
                try service.send(Packet(Bind(), user: 5, es: 1, session: 7))
                #expect(try edge.word(within: .seconds(5)).control == .bind)
            }
        }

        @Test("A kind that is not for a side to say is ignored and counted, and the link stays")
        func kinds() throws {
            try withHub { hub in
                let edge = try hub.edge(1)
                try edge.send(Packet(Kick(code: 8, reason: ""), es: 1, session: 7), Packet(Peers.everything))
                try edge.expectNothing()
                try hub.eventuallyMetric("security_events_total", ["kind": "kind"]) { $0 == 2 }
            }
        }

        @Test("S11: the newest link with an identity wins, a polite one does not, the fourth take-over in 30 s is refused")
        func takeover() throws {
            try withHub { hub in
                var live = try hub.edge(1)
                let polite = try hub.link(.edge)
                try polite.send(Packet(Hello(role: .edge, flags: .polite, cluster: 1, node: 1)))
                try polite.expectReject(.takenOver)
                for _ in 0..<3 {
                    let next = try hub.edge(1)
                    #expect(try live.word(within: .seconds(5)).read(Reject.self).code == Code.takenOver.rawValue)
                    live = next
                }
                let fourth = try hub.link(.edge)
                try fourth.send(Packet(Hello(role: .edge, cluster: 1, node: 1)))
                try fourth.expectReject(.busy)
                try live.expectNothing()
                let other = try hub.link(.edge)
                try other.send(Packet(Hello(role: .edge, cluster: 2, node: 1)))
                try other.expectReject(.unauthorized)
                try hub.eventuallyMetric("takeovers_total", ["kind": "edge"]) { $0 == 3 }
            }
        }
    }
}
