import Foundation
import NIOCore
import Testing
import Wire

extension SystemTests {
    /// Who dies, leaves or comes back, and what becomes of the calls.
    @Suite struct RPCHubFaultTests {
        @Test("S2: when an agent dies each of its calls is told at once, once, neverSent or lost; its later calls find another", arguments: [1, 2])
        func agentDies(loops: Int) throws {
            try withRPCHub(top: ["loops: \(loops)", "drainTimeout: 5s"]) { hub in
                let (agent, caller) = (try hub.agent(), try hub.caller())
                let count = 10_000
                for start in stride(from: 0, to: count, by: 500) {
                    try caller.send(
                        (start..<(start + 500)).map { RPCPeer.request(UInt64($0 + 1), text: "x", timeout: 60_000, identify: caller.node) })
                }
                for _ in 0..<count { _ = try agent.take() }
                agent.socket.cut()
                var told: Set<UInt64> = []
                for _ in 0..<count {
                    let frame = try caller.word()
                    let name = Code.name(of: frame.header.code)
                    #expect(frame.header.kind == RPCKind.undelivered.rawValue && ["lost", "neverSent"].contains(name))
                    #expect(told.insert(frame.header.call).inserted, "a second outcome")
                }
                #expect(told.count == count)
                try caller.awaitPeersOrAsk(hub)
                try hub.expectNothingOpen()
            }
        }

        @Test("S3: calls that a dead agent never got go to another one")
        func reroute() throws {
            try withRPCHub(hub: ["maxPending: 64MiB", "maxFrame: 1MiB"]) { hub in
                let (stuck, caller) = (try hub.agent(5), try hub.caller())
                // It does not read, so most of what is sent to it stays with the hub.
                let text = String(repeating: "x", count: 500_000)
                for number in 1...60 as ClosedRange<UInt64> { try caller.ask(number, text: text, timeout: 60_000) }
                try hub.eventuallyMetric("calls_in_flight") { $0 == 60 }
                let heir = try hub.agent(6)
                stuck.socket.cut()
                let counted = InBackground {
                    var (answered, lost) = (0, 0)
                    while answered + lost < 60 {
                        let frame = try caller.word(within: .seconds(30))
                        if frame.header.kind == RPCKind.reply.rawValue { answered += 1 } else { lost += 1 }
                    }
                    return (answered, lost)
                }
                let served = InBackground {
                    while let frame = try heir.next(within: .seconds(30)) {
                        if frame.header.kind == RPCKind.request.rawValue { try heir.answer(frame) }
                    }
                }
                let result = try counted.value()
                #expect(result.0 > 0 && result.0 + result.1 == 60)
                heir.leave()
                try served.value()
                try hub.eventuallyMetric("retries_total", ["why": "linkLost"]) { $0 == Double(result.0) }
                try hub.expectNothingOpen()
            }
        }

        @Test("S28: a caller that dies has its calls cancelled, and answers to them are dropped", arguments: [1, 2])
        func callerDies(loops: Int) throws {
            try withRPCHub(top: ["loops: \(loops)", "drainTimeout: 5s"]) { hub in
                let (agent, caller) = (try hub.agent(), try hub.caller())
                for number in 1...10 as ClosedRange<UInt64> { try caller.ask(number) }
                let requests = try (0..<10).map { _ in try agent.take() }
                caller.socket.cut()
                var cancelled: Set<UInt64> = []
                for _ in 0..<10 {
                    let frame = try agent.word()
                    #expect(frame.header.kind == RPCKind.cancel.rawValue)
                    cancelled.insert(frame.header.call)
                }
                #expect(cancelled == Set(requests.map(\.header.call)))
                try hub.expectNothingOpen()
                for request in requests { try agent.answer(request) }
                try hub.eventuallyMetric("late_answers_total") { $0 == 10 }
            }
        }

        @Test("S11: a caller or agent that registers anew takes over; the old link is told, its calls end", arguments: [1, 2])
        func takeOver(loops: Int) throws {
            try withRPCHub(top: ["loops: \(loops)", "drainTimeout: 5s"]) { hub in
                let (agent, caller) = (try hub.agent(), try hub.caller())
                try caller.ask(1)
                let request = try agent.take()
                let heir = try hub.caller(caller.node)
                try caller.expectReject(.takenOver)
                try agent.expectCancel(of: request)
                try heir.ask(1, timeout: 60_000)
                _ = try agent.take()
                let second = try hub.agent(agent.node)
                try agent.expectReject(.takenOver)
                agent.leave()
                try heir.expectUndelivered(.lost, of: 1)
                try heir.ask(2)
                try second.answer(try second.take())
                #expect(try heir.reply(to: 2) == "olleh")
                try hub.expectNothingOpen()
            }
        }

        @Test("S25: a hub that leaves finishes what is open, callers first, and exits with 0")
        func drain() throws {
            try withRPCHub { hub in
                let (agent, caller) = (try hub.agent(), try hub.caller())
                try caller.ask(1)
                let request = try agent.take()
                hub.child.signal(SIGTERM)
                #expect(try caller.word().header.kind == RPCKind.drain.rawValue)
                // Still served: the caller has not stopped.
                try caller.ask(2)
                let later = try agent.take()
                try caller.send(RPCFrame(.drain, Drain(deadlineMilliseconds: 0)))
                #expect(try agent.word().header.kind == RPCKind.drain.rawValue)
                try caller.ask(3)
                try caller.expectUndelivered(.draining, of: 3)
                try agent.answer(later)
                try agent.answer(request)
                try agent.send(RPCFrame(.drain, Drain(deadlineMilliseconds: 0)))
                #expect(try agent.next() == nil)
                #expect(try caller.reply(to: 2) == "olleh")
                #expect(try caller.reply(to: 1) == "olleh")
                #expect(try caller.next() == nil)
                #expect(try hub.child.exitCode() == 0)
            }
        }

        @Test("S17: a silent peer is asked, and closed after three heartbeats")
        func silence() throws {
            try withRPCHub(hub: ["heartbeat: 200ms"]) { hub in
                let agent = try hub.agent()
                #expect(try agent.next()?.header.kind == RPCKind.ping.rawValue)
                while let frame = try agent.next() {
                    #expect([RPCKind.ping.rawValue, RPCKind.reject.rawValue].contains(frame.header.kind))
                    if frame.header.kind == RPCKind.reject.rawValue { #expect(Code.name(of: frame.header.code) == "idle") }
                }
                try hub.eventuallyMetric("links_closed_total", ["side": "agents", "code": "idle"]) { $0 == 1 }
            }
        }

        @Test("S13, S14: an agent that does not read has its calls answered busy, and delays no one else")
        func slowAgent() throws {
            try withRPCHub(hub: ["maxPending: 1MiB"]) { hub in
                let stuck = try hub.agent(5, 10...10)
                let (good, caller) = (try hub.agent(6, 20...20), try hub.caller())
                let text = String(repeating: "x", count: 100_000)
                var number: UInt64 = 0
                var refusal: RPCFrame?
                while refusal == nil, number < 1000 {
                    number += 1
                    try caller.ask(number, rpc: 10, text: text, timeout: 60_000)
                    try caller.ask(10_000 + number, rpc: 20)
                    try good.answer(try good.take())
                    let frame = try caller.word()
                    if frame.header.kind == RPCKind.undelivered.rawValue {
                        refusal = frame
                        #expect(Code.name(of: frame.header.code) == "busy")
                        _ = try caller.word()
                    }
                }
                #expect(refusal != nil)
                stuck.leave()
            }
        }

        @Test("S14: a caller that does not read its answers costs its own link, and delays no one else")
        func slowCaller() throws {
            try withRPCHub(hub: ["maxPending: 1MiB"]) { hub in
                let (agent, other) = (try hub.agent(5, 10...10), try hub.agent(6, 20...20))
                let (deaf, good) = (try hub.caller(77), try hub.caller(78))
                for number in 1...400 as ClosedRange<UInt64> { try deaf.ask(number, timeout: 60_000) }
                // 40 MB: more than the sockets take.
                let text = String(repeating: "x", count: 100_000)
                let answers = try (0..<400).map { _ in try RPCPeer.reply(to: agent.take(), text: text) }
                let answering = InBackground { for answer in answers { try agent.send(answer) } }
                for number in 1...20 as ClosedRange<UInt64> {
                    try good.ask(number, rpc: 20)
                    try other.answer(try other.take())
                    #expect(try good.reply(to: number) == "olleh")
                }
                try hub.eventuallyMetric("links_closed_total", ["side": "callers", "code": "slowConsumer"]) { $0 == 1 }
                try answering.value()
                try hub.expectNothingOpen()
            }
        }
    }
}

extension RPCPeer {
    /// The id is listed no more, and a call for it is refused.
    fileprivate func awaitPeersOrAsk(_ hub: RPCHubProcess) throws {
        try hub.eventuallyMetric("registrations") { $0 == 1 }
        try ask(1_000_000)
        try expectUndelivered(.noRoute, of: 1_000_000)
    }
}
