import Foundation
import NIOCore
import Testing
import Wire

extension SystemTests {
    /// What a peer must not do, and what it costs: its own link at most.
    @Suite struct RPCHubSafetyTests {
        private func security(_ hub: RPCHubProcess, _ kind: String, _ count: Double) throws {
            try hub.eventuallyMetric("security_events_total", ["role": "rpcHub", "kind": kind]) { $0 == count }
        }

        @Test("S10: a caller that uses another's identify id is told unauthorized; the other hears nothing")
        func forgedIdentity() throws {
            try withRPCHub { hub in
                let (agent, honest, liar) = (try hub.agent(), try hub.caller(101), try hub.caller(102))
                try liar.send(RPCPeer.request(1, identify: 101))
                try liar.expectUndelivered(.unauthorized, of: 1)
                try agent.expectNothing()
                try honest.ask(1)
                let request = try agent.take()
                try liar.send(RPCFrame(RPCHeader(.cancel, payloadCount: 0, identify: 101, call: 1)))
                try liar.expectNothing()
                try agent.expectNothing()
                try agent.answer(request)
                #expect(try honest.reply(to: 1) == "olleh")
                try security(hub, "identity", 2)
            }
        }

        @Test("S10: an answer that was not asked for, a second one, or one to another agent's call is dropped", arguments: [1, 2])
        func strangeAnswers(loops: Int) throws {
            try withRPCHub(top: ["loops: \(loops)", "drainTimeout: 5s"]) { hub in
                let (agent, other, caller) = (try hub.agent(5), try hub.agent(6, 20...29), try hub.caller())
                try caller.ask(1)
                let request = try agent.take()
                try other.answer(request)
                try security(hub, "answer", 1)
                var invented = request
                invented.header.call = 0xFFFF_FFFF_FFFF_FFFF
                try agent.answer(invented)
                invented.header.call = 0
                try agent.answer(invented)
                try security(hub, "answer", 3)
                try caller.expectNothing()
                try agent.answer(request)
                #expect(try caller.reply(to: 1) == "olleh")
                try agent.answer(request)
                try security(hub, "answer", 4)
                try caller.expectNothing()
                try hub.expectNothingOpen()
            }
        }

        @Test("A number that is open is refused, and the first call stays")
        func duplicateNumber() throws {
            try withRPCHub { hub in
                let (agent, caller) = (try hub.agent(), try hub.caller())
                try caller.ask(1, text: "first")
                let request = try agent.take()
                try caller.ask(1, text: "second")
                try caller.expectUndelivered(.badRequest, of: 1)
                try agent.answer(request)
                #expect(try caller.reply(to: 1) == "tsrif")
            }
        }

        @Test("Short payloads: badRequest toward a caller, protocol for a REPLY")
        func shortPayloads() throws {
            try withRPCHub { hub in
                let (agent, caller) = (try hub.agent(), try hub.caller())
                let header = RPCHeader(.request, payloadCount: 0, rpc: 10, identify: caller.node, call: 1)
                try caller.send(RPCFrame(header, payload: ByteBuffer(repeating: 0, count: 11)))
                try caller.expectUndelivered(.badRequest, of: 1)
                try caller.ask(2)
                let request = try agent.take()
                var reply = request.header
                reply.kind = RPCKind.reply.rawValue
                try agent.send(RPCFrame(reply, payload: ByteBuffer(repeating: 0, count: 11)))
                try caller.expectUndelivered(.protocol, of: 2)
                try hub.expectNothingOpen()
            }
        }

        @Test("A REQUEST or REPLY over maxFrame is answered tooLarge and read away; the links stay")
        func tooLarge() throws {
            try withRPCHub(hub: ["maxFrame: 8KiB"]) { hub in
                let (agent, caller) = (try hub.agent(), try hub.caller())
                try caller.ask(1, text: String(repeating: "x", count: 200_000))
                try caller.expectUndelivered(.tooLarge, of: 1)
                try caller.ask(2)
                var reply = try RPCPeer.reply(to: try agent.take())
                reply = RPCFrame(reply.header, payload: ByteBuffer(repeating: 7, count: 100_000))
                try agent.send(reply)
                try caller.expectUndelivered(.tooLarge, of: 2)
                try caller.ask(3)
                try agent.answer(try agent.take())
                #expect(try caller.reply(to: 3) == "olleh")
            }
        }

        @Test("What is not for a peer to say is not obeyed, and counted; unknown kinds are ignored; the links stay")
        func kinds() throws {
            try withRPCHub { hub in
                let (agent, caller) = (try hub.agent(), try hub.caller())
                try caller.send(RPCFrame(RPCHeader(.reply, payloadCount: 0), payload: ByteBuffer(repeating: 0, count: 12)))
                try agent.send(RPCPeer.request(1, identify: 5))
                try agent.send(RPCFrame(RPCHeader(.cancel, payloadCount: 0, call: 1)))
                try security(hub, "kind", 3)
                var unknown = RPCFrame(RPCHeader(.ping, payloadCount: 0))
                unknown.header.kind = 99
                for peer in [agent, caller] {
                    try peer.send(unknown)
                    try peer.expectNothing()
                }
                try hub.eventuallyMetric("ignored_total", ["role": "rpcHub"]) { $0 == 2 }
            }
        }

        @Test("S15: garbage, another protocol, a bad length and anything before HELLO close that link alone")
        func badInput() throws {
            try withRPCHub { hub in
                let (agent, caller) = (try hub.agent(), try hub.caller())
                let stranger = try RPCPeer(port: hub.callers, node: 1)
                try stranger.socket.write(Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
                #expect(try stranger.next() == nil)
                let early = try RPCPeer(port: hub.callers, node: 1)
                try early.ask(1)
                try early.expectReject(.protocol)
                let short = try hub.caller(102)
                try short.socket.write([0, 0, 0, 31, 16, 0, 0, 0])
                try short.expectReject(.protocol)
                let huge = try hub.agent(7)
                try huge.socket.write([0x7F, 0xFF, 0xFF, 0xFF, 17, 0, 0, 0])
                try huge.expectReject(.protocol)
                let wrongPort = try RPCPeer(port: hub.agents, node: 1)
                try wrongPort.send(RPCFrame(.hello, Hello(role: .caller, node: 1)))
                try wrongPort.expectReject(.unauthorized)
                try caller.ask(1)
                try agent.answer(try agent.take())
                #expect(try caller.reply(to: 1) == "olleh")
            }
        }

        @Test("S15: every malformed frame of the vectors costs its own link, or its own call, and nothing else")
        func malformedVectors() throws {
            struct Vectors: Decodable { let malformed: [Malformed] }
            struct Malformed: Decodable { let name, hex, wants: String }
            let file = URL(fileURLWithPath: SwitchyardProcess.packageFile("Tests/WireTests/vectors/rpc-frames.json"))
            let vectors = try JSONDecoder().decode(Vectors.self, from: Data(contentsOf: file)).malformed
            #expect(vectors.count >= 4)
            try withRPCHub { hub in
                let (agent, bystander) = (try hub.agent(), try hub.caller())
                for vector in vectors {
                    let bytes = stride(from: 0, to: vector.hex.count, by: 2).map { place in
                        UInt8(vector.hex.dropFirst(place).prefix(2), radix: 16) ?? 0
                    }
                    let isCall = vector.wants.hasPrefix("UNDELIVERED 9")
                    let peer = isCall ? try hub.caller(1) : try RPCPeer(port: hub.callers, node: 1)
                    try peer.socket.write(bytes)
                    if isCall { try peer.expectUndelivered(.badRequest, of: 1) } else { try peer.expectReject(.protocol) }
                    if isCall { try peer.expectNothing() }
                    try bystander.ask(1)
                    try agent.answer(try agent.take())
                    #expect(try bystander.reply(to: 1) == "olleh", "\(vector.name)")
                }
            }
        }

        @Test("Join entries limit who may register, and for which RPC ids")
        func join() throws {
            let entries = [
                "join:", "  - { token: env:CALLER, role: caller }", "  - { token: env:AGENT, role: agent, nodes: [1-9], rpcIDs: [10-19] }",
            ]
            try withRPCHub(hub: entries, environment: ["CALLER": "c-token", "AGENT": "a-token"]) { hub in
                let agent = try hub.agent(5, 10...12, token: "a-token")
                let caller = try hub.caller(token: "c-token")
                try caller.ask(1)
                try agent.answer(try agent.take())
                #expect(try caller.reply(to: 1) == "olleh")
                let refused: [(UInt64, ClosedRange<UInt32>, String)] = [(5, 20...20, "a-token"), (10, 10...10, "a-token"), (6, 10...10, "c-token")]
                for (node, ids, token) in refused {
                    let peer = try RPCPeer(port: hub.agents, node: node)
                    try peer.send(RPCHubProcess.hello(agent: node, ids, token: token))
                    try peer.expectReject(.unauthorized)
                }
            }
        }
    }
}
