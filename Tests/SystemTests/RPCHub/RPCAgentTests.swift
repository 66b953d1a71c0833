import Foundation
import NIOCore
import Testing
import Wire

extension SystemTests {
    /// The agent in front of a Thrift server that was not changed.
    @Suite(.enabled(if: ApacheServer.isPrepared, "run Tests/Interop/prepare"))
    struct RPCAgentTests {
        /// A hub, an Apache server and an agent between them.
        private func withAgent(
            _ server: ApacheServer? = nil, hub: [String] = [], agent lines: [String] = [], more: String = "",
            _ body: (RPCHubProcess, AgentProcess, ApacheServer) throws -> Void
        ) throws {
            let server = try server ?? ApacheServer()
            defer { server.end() }
            try withRPCHub(hub: hub) { hub in
                let agent = try AgentProcess(hubs: [hub.agents], upstream: server.port, agent: lines, more: more)
                defer { agent.end() }
                do {
                    try body(hub, agent, server)
                } catch {
                    throw Unmet("\(error)\n(the agent's log ends: \(agent.child.errors.suffix(8).joined(separator: "\n")))")
                }
            }
        }

        @Test(
            "An unchanged Thrift server is reached through hub and agent, in every form",
            arguments: [("framed", "binary"), ("framed", "compact"), ("buffered", "binary"), ("buffered", "compact"), ("header", "binary")])
        func forms(transport: String, protocol: String) throws {
            let ours = transport == "buffered" ? "unframed" : transport
            let server = try ApacheServer(transport: transport, protocol: `protocol`)
            try withAgent(server, more: "transport: \(ours), protocol: \(`protocol`)") { hub, _, _ in
                let caller = try hub.caller()
                for (number, rpc) in zip(1..., [10, 15, 19] as [UInt32]) {
                    let text = String(repeating: "abc", count: number * 1000)
                    try caller.ask(UInt64(number), rpc: rpc, text: text, sharding: -4)
                    let frame = try caller.word()
                    let reply = try ProtoReply(payload: frame.payload)
                    #expect(frame.header.call == UInt64(number) && reply.result == -4 && reply.type == 7)
                    #expect(String(buffer: reply.content) == String(text.reversed()))
                }
                try caller.ask(9, text: "one way", oneway: true)
                try caller.ask(10, rpc: 20)
                try caller.expectUndelivered(.noRoute, of: 10)
            }
        }

        @Test("S28: at a deadline the agent answers in time; it never runs more than its window, and answers busy beyond")
        func deadlines() throws {
            try withAgent(agent: ["concurrency: 2"], more: "timeout: 300ms, connections: 4") { hub, agent, _ in
                let caller = try hub.caller()
                try caller.send(try sleep(1, milliseconds: 2000, caller))
                try caller.send(try sleep(2, milliseconds: 2000, caller))
                try caller.ask(3)
                try caller.expectUndelivered(.busy, of: 3)
                let reasons = try [caller.word(), caller.word()]
                #expect(reasons.allSatisfy { Code.name(of: $0.header.code) == "deadline" })
                // The agent's own words, not the hub's: its upstream timeout is shorter than the hub's 5 s.
                #expect(reasons.allSatisfy { $0.reason.contains("upstream") }, "\(reasons.map(\.reason))")
                try hub.expectNothingOpen()
                try agent.eventuallyMetric("calls_in_flight", ["role": "rpcAgent"]) { $0 == 0 }
            }
        }

        /// A call that the server sleeps over.
        private func sleep(_ call: UInt64, milliseconds: Int64, timeout: UInt32 = 0, _ caller: RPCPeer) throws -> RPCFrame {
            var payload = ByteBuffer()
            ProtoRequest(type: -1, content: ByteBuffer(string: "z"), shardingID: milliseconds).writePayload(to: &payload)
            return RPCFrame(
                RPCHeader(.request, payloadCount: 0, rpc: 10, timeoutMilliseconds: timeout, identify: caller.node, call: call), payload: payload)
        }

        @Test("S28: an agent whose server is away stays registered and answers noPeer, and serves again when it is back")
        func serverAway() throws {
            try withAgent { hub, agent, server in
                let caller = try hub.caller()
                try caller.send(try sleep(1, milliseconds: 5000, caller))
                try agent.eventuallyMetric("calls_in_flight", ["role": "rpcAgent"]) { $0 == 1 }
                // The Thrift server is only asked once a connection has the call.
                pass(.milliseconds(100))
                server.child.signal(SIGKILL)
                try caller.expectUndelivered(.lost, of: 1)
                try eventually("noPeer") {
                    try caller.ask(2)
                    return Code.name(of: try caller.word().header.code) == "noPeer"
                }
                let heir = try ApacheServer(port: server.port)
                defer { heir.end() }
                try eventually("an answer", within: .seconds(40)) {
                    try caller.ask(3)
                    return try caller.word().header.kind == RPCKind.reply.rawValue
                }
                try hub.expectNothingOpen()
            }
        }

        @Test("S28: a Thrift server that hangs: deadlines hold, the agent never runs more than its window, and serves when the server goes on")
        func hungServer() throws {
            try withAgent(agent: ["concurrency: 5"], more: "timeout: 3s, connections: 8") { hub, agent, server in
                let caller = try hub.caller()
                server.child.signal(SIGSTOP)
                for number in 1...20 as ClosedRange<UInt64> { try caller.ask(number) }
                #expect(try agent.metrics()["calls_in_flight", ["role": "rpcAgent"]] <= 5)
                var told: [String: Int] = [:]
                for _ in 0..<20 { told[Code.name(of: try caller.word().header.code), default: 0] += 1 }
                #expect(told == ["busy": 15, "deadline": 5])
                try agent.eventuallyMetric("calls_in_flight", ["role": "rpcAgent"]) { $0 == 0 }
                server.child.signal(SIGCONT)
                var number: UInt64 = 100
                try eventually("an answer", within: .seconds(40)) {
                    number += 1
                    try caller.ask(number)
                    return try caller.word().header.kind == RPCKind.reply.rawValue
                }
                try hub.expectNothingOpen()
            }
        }

        @Test("S28: a cancelled call is answered when its Thrift call has ended, and its answer goes nowhere")
        func cancelled() throws {
            try withAgent { hub, agent, _ in
                let caller = try hub.caller()
                try caller.send(try sleep(1, milliseconds: 400, caller))
                try agent.eventuallyMetric("calls_in_flight", ["role": "rpcAgent"]) { $0 == 1 }
                try caller.send(RPCFrame(RPCHeader(.cancel, payloadCount: 0, rpc: 10, identify: caller.node, call: 1)))
                try hub.eventuallyMetric("late_answers_total", ["role": "rpcHub"]) { $0 == 1 }
                try agent.eventuallyMetric("calls_total", ["outcome": "cancelled"]) { $0 == 1 }
                try caller.expectNothing()
            }
        }

        @Test("S29: one agent serves several hubs, and rejoins one that restarts")
        func severalHubs() throws {
            let server = try ApacheServer()
            defer { server.end() }
            let hubs = [try RPCHubProcess(), try RPCHubProcess()]
            defer { for hub in hubs { hub.end() } }
            let agent = try AgentProcess(hubs: hubs.map(\.agents), upstream: server.port)
            defer { agent.end() }
            for hub in hubs {
                let caller = try hub.caller()
                try caller.ask(1, text: "abc")
                #expect(try caller.reply(to: 1) == "cba")
            }
            hubs[0].child.signal(SIGKILL)
            try agent.eventuallyMetric("links_open", ["side": "hub"]) { $0 == 1 }
            let caller = try hubs[1].caller()
            try caller.ask(1, text: "abc")
            #expect(try caller.reply(to: 1) == "cba")
            let restarted = try RPCHubProcess(ports: (hubs[0].callers, hubs[0].agents))
            defer { restarted.end() }
            try restarted.eventuallyMetric("registrations") { $0 == 1 }
            let again = try restarted.caller()
            try again.ask(1, text: "abc")
            #expect(try again.reply(to: 1) == "cba")
        }

        @Test("S25: an agent that leaves answers what is open, gets nothing new, and exits with 0")
        func drain() throws {
            try withAgent { hub, agent, _ in
                let caller = try hub.caller()
                try caller.send(try sleep(1, milliseconds: 700, caller))
                try agent.eventuallyMetric("calls_in_flight", ["role": "rpcAgent"]) { $0 == 1 }
                agent.child.signal(SIGTERM)
                try caller.awaitPeers(10, listed: false)
                try caller.ask(2)
                try caller.expectUndelivered(.draining, of: 2)
                #expect(try caller.reply(to: 1) == "z")
                #expect(try agent.child.exitCode() == 0)
                try hub.eventuallyMetric("registrations") { $0 == 1 }
                try hub.expectNothingOpen()
            }
        }
    }
}
