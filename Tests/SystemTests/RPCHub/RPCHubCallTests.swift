import NIOCore
import Testing
import Wire

extension SystemTests {
    /// Calls through a real hub: every call has one outcome, and it is its own.
    @Suite struct RPCHubCallTests {
        @Test("A call goes to an agent of its RPC id and the answer to its caller, whatever loop each is on", arguments: [1, 2, 3])
        func roundTrip(loops: Int) throws {
            try withRPCHub(top: ["loops: \(loops)", "drainTimeout: 5s"]) { hub in
                let agents = [try hub.agent(5, 10...19), try hub.agent(6, 20...29)]
                let callers = try (1...4).map { try hub.caller(UInt64(100 + $0)) }
                for (index, caller) in callers.enumerated() {
                    for (agent, rpc) in zip(agents, [10, 25] as [UInt32]) {
                        try caller.ask(UInt64(index + 1) << 8 | UInt64(rpc), rpc: rpc, text: "hello \(index)", sharding: 9)
                        let request = try agent.take()
                        #expect(request.header.rpc == rpc && request.header.identify == caller.node)
                        #expect(request.header.timeoutMilliseconds == 5000)
                        #expect(try ProtoRequest(payload: request.payload).shardingID == 9)
                        try agent.answer(request)
                        #expect(try caller.reply(to: UInt64(index + 1) << 8 | UInt64(rpc)) == String("hello \(index)".reversed()))
                    }
                }
                try hub.expectNothingOpen()
                try hub.eventuallyMetric("calls_total", ["role": "rpcHub", "outcome": "ok"]) { $0 == 8 }
            }
        }

        @Test("Answers may come in any order; each goes to the call that it answers")
        func outOfOrder() throws {
            try withRPCHub { hub in
                let agent = try hub.agent()
                let callers = [try hub.caller(101), try hub.caller(102)]
                // Both callers use the same numbers.
                for number in 1...20 as ClosedRange<UInt64> { for caller in callers { try caller.ask(number, text: "\(caller.node)/\(number)") } }
                var requests = try (0..<40).map { _ in try agent.take() }
                requests.shuffle()
                try agent.send(try requests.map { try RPCPeer.reply(to: $0) })
                for caller in callers {
                    var seen: Set<UInt64> = []
                    for _ in 0..<20 {
                        let frame = try caller.word()
                        let content = String(buffer: try ProtoReply(payload: frame.payload).content)
                        #expect(content == String("\(caller.node)/\(frame.header.call)".reversed()))
                        seen.insert(frame.header.call)
                    }
                    #expect(seen.count == 20)
                }
                try hub.expectNothingOpen()
            }
        }

        @Test("S1, S4: nobody for the id: noRoute; only leaving ones: draining; what an agent says in place of an answer is passed on")
        func undelivered() throws {
            try withRPCHub { hub in
                let caller = try hub.caller()
                try caller.ask(1)
                #expect(try caller.expectUndelivered(.noRoute, of: 1) == "noRoute: no agent for RPC id 10")
                let agent = try hub.agent()
                try caller.awaitPeers(10)
                for (number, code) in zip(2..., [Code.noPeer, .busy, .neverSent, .lost, .remoteException, .internal] as [Code]) {
                    try caller.ask(UInt64(number))
                    try agent.refuse(try agent.take(), code, "\(code.name): so it is")
                    #expect(try caller.expectUndelivered(code, of: UInt64(number)) == "\(code.name): so it is")
                }
                try agent.send(RPCFrame(.drain, Drain(deadlineMilliseconds: 5000)))
                #expect(try Drain(body: agent.word().payload, format: .standard).deadlineMilliseconds == 0)
                try caller.awaitPeers(10, listed: false)
                try caller.ask(9)
                try caller.expectUndelivered(.draining, of: 9)
                // A later HELLO returns it to work.
                try agent.send(RPCHubProcess.hello(agent: 5, 10...19))
                #expect(try agent.word().header.kind == RPCKind.welcome.rawValue)
                try caller.awaitPeers(10)
                try caller.ask(10)
                try agent.answer(try agent.take())
                #expect(try caller.reply(to: 10) == "olleh")
                try hub.expectNothingOpen()
            }
        }

        @Test("S28: a deadline is told to both sides, and the late answer is dropped; the hub caps and fills in timeouts")
        func deadlines() throws {
            try withRPCHub(hub: ["timeout: 300ms", "maxTimeout: 700ms"]) { hub in
                let (agent, caller) = (try hub.agent(), try hub.caller())
                try caller.ask(1, timeout: 60)
                let first = try agent.take()
                #expect(first.header.timeoutMilliseconds == 60)
                try caller.expectUndelivered(.deadline, of: 1)
                try agent.expectCancel(of: first)
                try agent.answer(first)
                try hub.eventuallyMetric("late_answers_total") { $0 == 1 }
                try caller.expectNothing()
                try caller.ask(2)
                #expect(try agent.take().header.timeoutMilliseconds == 300)
                try caller.ask(3, timeout: 100_000)
                #expect(try agent.take().header.timeoutMilliseconds == 700)
                try caller.expectUndelivered(.deadline, of: 2)
                try caller.expectUndelivered(.deadline, of: 3)
                try hub.expectNothingOpen()
            }
        }

        @Test("CANCEL reaches the agent, nothing answers it, and its number is free again")
        func cancel() throws {
            try withRPCHub { hub in
                let (agent, caller) = (try hub.agent(window: 1), try hub.caller())
                try caller.ask(1)
                let request = try agent.take()
                try caller.send(RPCFrame(RPCHeader(.cancel, payloadCount: 0, rpc: 10, identify: caller.node, call: 1)))
                try agent.expectCancel(of: request)
                try caller.expectNothing()
                // The place in the agent's window is free when the agent has answered (rule S28).
                try caller.ask(2)
                try caller.expectUndelivered(.busy, of: 2)
                try agent.refuse(request, .cancelled)
                try hub.eventuallyMetric("late_answers_total") { $0 == 1 }
                try caller.ask(1)
                try agent.answer(try agent.take())
                #expect(try caller.reply(to: 1) == "olleh")
                try hub.expectNothingOpen()
            }
        }

        @Test("S23: oneway calls get no answer, and one that cannot be handed on is told")
        func oneway() throws {
            try withRPCHub { hub in
                let caller = try hub.caller()
                try caller.ask(1, oneway: true)
                try caller.expectUndelivered(.noRoute, of: 1)
                let agent = try hub.agent(window: 1)
                try caller.awaitPeers(10)
                for number in 2...4 as ClosedRange<UInt64> { try caller.ask(number, text: "\(number)", oneway: true) }
                for number in 2...4 {
                    let request = try agent.take()
                    #expect(request.header.isOneway && request.header.call == 0)
                    #expect(String(buffer: try ProtoRequest(payload: request.payload).content) == "\(number)")
                }
                try caller.expectNothing()
                try hub.expectNothingOpen()
                // It needs no place in a window that is full (rule S28).
                try caller.ask(5)
                let open = try agent.take()
                try caller.ask(6, oneway: true)
                #expect(try agent.take().header.isOneway)
                try agent.answer(open)
                #expect(try caller.reply(to: 5) == "olleh")
            }
        }

        @Test("S19: a window that is full is busy at once, for a sharding id whose agent is full and for all when all are")
        func windows() throws {
            try withRPCHub(hub: ["window: 3"]) { hub in
                let agents = [try hub.agent(5, window: 1), try hub.agent(6, window: 1)]
                let caller = try hub.caller()
                try hub.eventuallyMetric("registrations") { $0 == 3 }
                try caller.ask(1)
                try caller.ask(2)
                let requests = try agents.map { try $0.take() }
                try caller.ask(3)
                try caller.expectUndelivered(.busy, of: 3)
                try agents[0].answer(requests[0])
                _ = try caller.word()
                for id in 1...20 as ClosedRange<Int64> {
                    let number = UInt64(100 + id)
                    try caller.ask(number, text: "x", sharding: id)
                    if ExpectedChoice.owner(of: UInt64(id), amongNodes: [5, 6]) == 6 {
                        try caller.expectUndelivered(.busy, of: number)
                    } else {
                        try agents[0].answer(try agents[0].take())
                        #expect(try caller.reply(to: number) == "x")
                    }
                }
            }
        }

        @Test("S16: a caller has at most `window` calls open")
        func callerWindow() throws {
            try withRPCHub(hub: ["window: 3"]) { hub in
                let (agent, caller) = (try hub.agent(), try hub.caller())
                for number in 1...4 as ClosedRange<UInt64> { try caller.ask(number) }
                try caller.expectUndelivered(.busy, of: 4)
                let requests = try (0..<3).map { _ in try agent.take() }
                try agent.answer(requests[1])
                #expect(try caller.reply(to: 2) == "olleh")
                try caller.ask(5)
                _ = try agent.take()
                try caller.expectNothing()
            }
        }
    }
}
