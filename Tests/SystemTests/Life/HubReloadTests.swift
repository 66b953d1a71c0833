import NIOCore
import Testing
import Wire

extension SystemTests {
    /// What a hub and an RPC hub take over while they run (rule S26).
    @Suite struct HubReloadTests {
        private let secrets = ["EDGE": "edge secret", "CHAT": "chat secret", "NEXT": "next secret"]

        private func hub(_ more: [String]) -> [String] {
            ["name: h", "hub:", "  id: 9", "  edges: { listen: \"127.0.0.1:0\" }", "  services: { listen: \"127.0.0.1:0\" }"] + more.map { "  \($0)" }
        }

        private func join(_ entries: [(token: String, role: String)]) -> [String] {
            ["join:"] + entries.map { "  - { token: env:\($0.token), role: \($0.role), may: [bind, kick, multicast] }" }
        }

        private func link(_ process: ReloadingProcess, _ role: Role, node: UInt64, token: String) throws -> PacketClient {
            let link = try PacketClient(port: process.port(role == .edge ? "hub edges" : "hub services"))
            let claims = role == .service ? [Claim(100, 199)] : []
            try link.send(Packet(Hello(role: role, cluster: 1, node: node, claims: claims, token: Array(token.utf8))))
            return link
        }

        @Test("S26: another join list holds for who says HELLO from then on; who is registered stays, wherever its entry stands")
        func joinList() throws {
            try withReloading(hub(join([("CHAT", "service"), ("EDGE", "edge")])), environment: secrets) { process in
                let edge = try link(process, .edge, node: 1, token: "edge secret")
                _ = try edge.receive().read(Welcome.self)
                let refused = try link(process, .service, node: 2, token: "next secret")
                try refused.expectReject(.unauthorized)
                try process.reload(hub(join([("NEXT", "service"), ("EDGE", "edge")])))
                let service = try link(process, .service, node: 2, token: "next secret")
                _ = try service.receive().read(Welcome.self)
                try link(process, .service, node: 3, token: "chat secret").expectReject(.unauthorized)
                // The entry that moved in the list is the same one: its link may say HELLO again, and packets flow.
                try process.reload(hub(join([("EDGE", "edge"), ("NEXT", "service")])))
                try edge.send(Packet(Hello(role: .edge, cluster: 1, node: 1, token: Array("edge secret".utf8))))
                while try edge.receive().control != .welcome {}
                // Its session is that of an edge's client.
                try edge.send(Packet(100, "to the service", es: 1, session: 5))
                #expect(try service.word().text == "to the service")
            }
        }

        @Test("S26: what a registered service may is what its next HELLO is given, more or less")
        func permissions() throws {
            func entries(_ may: String) -> [String] {
                ["join:", "  - { token: env:EDGE, role: edge }", "  - { token: env:CHAT, role: service, may: [\(may)] }"]
            }
            try withReloading(hub(entries("bind")), environment: secrets) { process in
                let edge = try link(process, .edge, node: 1, token: "edge secret")
                _ = try edge.receive().read(Welcome.self)
                let service = try link(process, .service, node: 2, token: "chat secret")
                _ = try service.receive().read(Welcome.self)
                let kick = Packet(Kick(code: 8, reason: ""), es: 1, session: 7)
                func helloAgain() throws {
                    try service.send(Packet(Hello(role: .service, cluster: 1, node: 2, claims: [Claim(100, 199)], token: Array("chat secret".utf8))))
                    while try service.receive().control != .welcome {}
                }
                try service.send(kick)
                #expect(try service.word().read(Undelivered.self).code == Code.unauthorized.rawValue)
                try process.reload(hub(entries("kick")))
                try helloAgain()
                try service.send(kick)
                #expect(try edge.word().control == .kick)
                try process.reload(hub(entries("bind")))
                try helloAgain()
                try service.send(kick)
                #expect(try service.word().read(Undelivered.self).code == Code.unauthorized.rawValue)
            }
        }

        @Test("S26: limits and the heartbeat change while the hub runs; what cannot is named, and nothing of that file is taken over")
        func values() throws {
            try withReloading(hub([])) { process in
                let first = try link(process, .edge, node: 1, token: "")
                #expect(try first.receive().read(Welcome.self).heartbeatMilliseconds == 10_000)
                try process.reload(hub(["heartbeat: 7s", "limits: { connections: 2 }"]))
                let second = try link(process, .edge, node: 2, token: "")
                #expect(try second.receive().read(Welcome.self).heartbeatMilliseconds == 7_000)
                try link(process, .edge, node: 3, token: "").expectReject(.rateLimited)
                let reasons = try process.reloadRefused(
                    ["name: h", "hub:", "  id: 8", "  edges: { listen: \"127.0.0.1:0\" }", "  services: { listen: \"127.0.0.1:0\" }"])
                #expect(reasons == ["hub.id: cannot change from 9 to 8 while running; restart the process"])
                try link(process, .edge, node: 3, token: "").expectReject(.rateLimited)
            }
        }

        @Test("S13, S26: a smaller maxPending holds for packets from then on")
        func maxPending() throws {
            try withReloading(hub([])) { process in
                let edge = try link(process, .edge, node: 1, token: "")
                _ = try edge.receive().read(Welcome.self)
                let service = try PacketClient(port: process.port("hub services"), receiveBuffer: 4096)
                try service.send(Packet(Hello(role: .service, cluster: 1, node: 2, claims: [Claim(100, 199)])))
                _ = try service.receive().read(Welcome.self)
                try process.reload(hub(["maxPending: 64KiB"]))
                // The service reads nothing: the 8 MiB of before would take these, 64 KiB and the sockets do not.
                let body = String(repeating: "x", count: 60_000)
                for _ in 0..<100 { try edge.send(Packet(100, body, es: 1, session: 5)) }
                #expect(try edge.word().read(Undelivered.self).code == Code.busy.rawValue)
            }
        }

        // MARK: - RPC hub

        private func rpcHub(_ more: [String]) -> [String] {
            ["name: h", "rpcHub:", "  id: 9", "  callers: { listen: \"127.0.0.1:0\" }", "  agents: { listen: \"127.0.0.1:0\" }"]
                + more.map { "  \($0)" }
        }

        private func peer(_ process: ReloadingProcess, _ hello: Hello) throws -> RPCPeer {
            let peer = try RPCPeer(port: process.port(hello.role == Role.agent.rawValue ? "rpcHub agents" : "rpcHub callers"), node: hello.node)
            try peer.send(RPCFrame(.hello, hello))
            return peer
        }

        private func welcomed(_ peer: RPCPeer) throws -> RPCPeer {
            #expect(try peer.word().header.kind == RPCKind.welcome.rawValue)
            return peer
        }

        @Test("S26: an RPC hub takes over join list, time-out, window and the Thrift door; open calls are answered")
        func rpcHubValues() throws {
            let entries = ["join:", "  - { token: env:CHAT, role: agent }", "  - { token: env:EDGE, role: caller }"]
            try withReloading(rpcHub(["thrift: { listen: \"127.0.0.1:0\", rpcID: type }"] + entries), environment: secrets) { process in
                let agent = try welcomed(
                    peer(process, Hello(role: .agent, node: 5, claims: [Claim(10, 19)], token: Array("chat secret".utf8), name: "a")))
                let caller = try welcomed(peer(process, Hello(role: .caller, node: 77, token: Array("edge secret".utf8), name: "c")))
                try caller.awaitPeers(10)
                try caller.ask(1)
                let open = try agent.take()
                #expect(open.header.timeoutMilliseconds == 5000)
                let next = ["join:", "  - { token: env:NEXT, role: caller }", "  - { token: env:EDGE, role: caller }"]
                try process.reload(
                    rpcHub(["timeout: 3s", "window: 2", "thrift: { listen: \"127.0.0.1:0\", rpcID: 12, pipelining: 3 }"] + next))
                try agent.answer(open)
                #expect(try caller.reply(to: 1) == "olleh")
                try caller.ask(2)
                try caller.ask(3)
                try caller.ask(4)
                try caller.expectUndelivered(.busy, of: 4)
                #expect(try agent.take().header.timeoutMilliseconds == 3000)
                // The agent's entry is gone: it stays, and no other comes.
                try peer(process, Hello(role: .agent, node: 6, claims: [Claim(10, 19)], token: Array("chat secret".utf8))).expectReject(.unauthorized)
                _ = try welcomed(peer(process, Hello(role: .caller, node: 78, token: Array("next secret".utf8), name: "n")))
                _ = try agent.take()
                let client = ThriftPeer(try Socket(port: process.port("rpcHub thrift")))
                try client.call(1, ProtoRequest(type: 99))
                #expect(try agent.take().header.rpc == 12)
                let reasons = try process.reloadRefused(rpcHub(["maxFrame: 2MiB", "thrift: { listen: \"127.0.0.1:0\", rpcID: 12 }"] + next))
                #expect(reasons == ["rpcHub.maxFrame: cannot change from 1MiB to 2MiB while running; restart the process"])
            }
        }
    }
}
