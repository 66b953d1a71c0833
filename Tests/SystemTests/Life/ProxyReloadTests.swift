import NIOCore
import Testing
import Wire

extension SystemTests {
    /// What an RPC proxy and an RPC agent take over while they run (rule S26).
    @Suite struct ProxyReloadTests {
        private func proxy(_ routes: [String], _ more: [String] = []) -> [String] {
            ["loops: 2", "rpcProxy:", "  listen: 127.0.0.1:0"] + more.map { "  \($0)" } + ["  routes:"] + routes.map { "    - \($0)" }
        }

        private func route(_ name: String, _ methods: String, _ upstreams: UInt16..., more: String = "") -> String {
            let to = upstreams.map { "\"127.0.0.1:\($0)\"" }.joined(separator: ", ")
            return "{ name: \(name), methods: [\(methods)], to: [\(to)], pools: 1, connections: 2, timeout: 10s\(more) }"
        }

        private func client(_ process: ReloadingProcess) throws -> ThriftPeer { ThriftPeer(try Socket(port: process.port("rpcProxy"))) }

        @Test("S26: methods move to a new route, a route that stays keeps its connections, and what an old server has got is answered")
        func routes() throws {
            let (first, second) = (try Listener(), try Listener())
            try withReloading(proxy([route("one", "\"*\"", first.port)])) { process in
                let (client, one) = (try client(process), [try first.peer(), try first.peer()])
                try client.send(.call, "slow", 1)
                let slow = try obtain("the call at one of the connections") { try call(at: one) }
                // Another route takes a method; the one that stays keeps both connections.
                let both = [route("one", "\"*\"", first.port), route("two", "fast", second.port)]
                try process.reload(proxy(both))
                let two = [try second.peer(), try second.peer()]
                #expect(first.accept(within: .milliseconds(100)) == nil)
                let other = try self.client(process)
                try other.send(.call, "fast", 2)
                let fast = try obtain("the call at the new route") { try call(at: two) }
                try fast.peer.answer(fast.message)
                #expect(try other.message().sequence == 2)
                // Everything goes to the second server: the first answers what it has, and is left then.
                try process.reload(proxy([route("two", "\"*\"", second.port)]))
                #expect(second.accept(within: .milliseconds(100)) == nil)
                try other.send(.call, "slow", 3)
                let moved = try obtain("the call at the server that is left") { try call(at: two) }
                try moved.peer.answer(moved.message)
                #expect(try other.message().sequence == 3)
                try slow.peer.answer(slow.message)
                #expect(try client.message().sequence == 1)
                for peer in one { #expect(try peer.next() == nil) }
                // What was counted of the route that is gone stays counted.
                try process.eventuallyMetric("calls_total", ["route": "one", "outcome": "ok"]) { $0 == 1 }
                try process.eventuallyMetric("links_open", ["side": "upstream"]) { $0 == 2 }
                #expect(try process.metrics()["calls_total", ["route": "two", "outcome": "ok"]] == 2)
            }
        }

        /// A call that has come on one of the connections.
        private func call(at peers: [ThriftPeer]) throws -> (peer: ThriftPeer, message: ThriftPeer.Message)? {
            for peer in peers {
                if case .bytes(let bytes) = peer.socket.read(within: .milliseconds(20)) {
                    peer.keep(bytes)
                    return (peer, try peer.message())
                }
            }
            return nil
        }

        @Test("S26: another list of servers is dialed before calls go to it, and no call is lost under load")
        func upstreams() throws {
            let (first, second) = (EchoingUpstream(try Listener()), EchoingUpstream(try Listener()))
            defer {
                first.stop()
                second.stop()
            }
            try withReloading(proxy([route("main", "\"*\"", first.listener.port)])) { process in
                let client = try client(process)
                var sequence: Int32 = 0
                func exchange() throws {
                    sequence += 1
                    try client.send(sequence)
                    let answer = try client.message()
                    #expect(answer.type == .reply && answer.sequence == sequence)
                }
                for _ in 0..<100 { try exchange() }
                #expect(second.answered == 0)
                for round in 0..<6 {
                    // Calls are on their way while each reload is worked in.
                    try client.socket.write((0..<50).flatMap { ThriftPeer.bytes(.call, "rpc", 1000 + $0, [0]) })
                    let port = round % 2 == 0 ? second.listener.port : first.listener.port
                    try process.reload(proxy([route("main", "\"*\"", port)]))
                    for number in Int32(0)..<50 {
                        #expect(try client.message() == .init(type: .reply, name: "rpc", sequence: 1000 + number, body: [0]))
                    }
                    let before = round % 2 == 0 ? first.answered : second.answered
                    for _ in 0..<20 { try exchange() }
                    #expect((round % 2 == 0 ? first.answered : second.answered) == before, "the old servers get nothing new")
                }
                #expect(second.answered > 0)
                #expect(try process.metrics()["calls_total", ["outcome": "ok"]] == Double(100 + 6 * 70))
            }
        }

        @Test("S26: weights, time-outs and limits change on the connections that are there")
        func values() throws {
            let (first, second) = (EchoingUpstream(try Listener()), EchoingUpstream(try Listener()))
            let silent = try Listener()
            defer {
                first.stop()
                second.stop()
            }
            func lines(_ weights: (Int, Int), timeout: String = "10s", _ more: [String] = []) -> [String] {
                let quiet = "{ name: quiet, methods: [quiet], to: [\"127.0.0.1:\(silent.port)\"], pools: 1, connections: 2, timeout: \(timeout) }"
                return proxy(
                    [
                        route("old", "\"*\"", first.listener.port, more: ", weight: \(weights.0)"),
                        route("canary", "\"*\"", second.listener.port, more: ", weight: \(weights.1)"), quiet,
                    ], more)
            }
            try withReloading(lines((1000, 1))) { process in
                let client = try client(process)
                try process.reload(lines((1, 1000), timeout: "200ms", ["limits: { connections: 1 }"]))
                for number in Int32(0)..<100 {
                    try client.send(number)
                    #expect(try client.message().sequence == number)
                }
                // Even odds would be lost once in 10^30 times.
                #expect(second.answered > 80, "\(first.answered), \(second.answered)")
                try client.send(.call, "quiet", 200)
                #expect(try client.message().code == "deadline")
                let refused = try self.client(process)
                #expect(try refused.next() == nil)
                let reasons = try process.reloadRefused(lines((1, 1)).map { $0 == "  listen: 127.0.0.1:0" ? "  listen: 127.0.0.1:1" : $0 })
                #expect(reasons == ["rpcProxy.listen: cannot change from 127.0.0.1:0 to 127.0.0.1:1 while running; restart the process"])
            }
        }

        // MARK: - Agent

        private func agent(hubs: [UInt16], ids: String, upstream: UInt16, _ more: [String] = []) -> [String] {
            let to = hubs.map { "\"127.0.0.1:\($0)\"" }.joined(separator: ", ")
            return ["rpcAgent:", "  node: 5", "  hubs: { to: [\(to)] }", "  rpcIDs: [\(ids)]"]
                + ["  upstream: { to: [\"127.0.0.1:\(upstream)\"], connections: 1 }"] + more.map { "  \($0)" }
        }

        @Test("S26: an agent takes over ids, window, Thrift servers and hubs; the call that runs is answered")
        func agent() throws {
            let (first, second) = (try Listener(), try Listener())
            try withRPCHub { one in
                try withRPCHub { two in
                    try withReloading(agent(hubs: [one.agents], ids: "10-19", upstream: first.port)) { process in
                        let old = try first.peer()
                        let caller = try one.caller()
                        try caller.ask(1)
                        let running = try old.message()
                        // Other ids and another window on the link that stands.
                        try process.reload(agent(hubs: [one.agents], ids: "20-29", upstream: first.port, ["concurrency: 2"]))
                        try caller.awaitPeers(20)
                        try caller.ask(2, rpc: 10)
                        try caller.expectUndelivered(.noRoute, of: 2)
                        // Other servers: what the first has got is answered, the next call goes to the second.
                        try process.reload(agent(hubs: [one.agents], ids: "20-29", upstream: second.port, ["concurrency: 2"]))
                        let new = try second.peer()
                        try caller.ask(3, rpc: 20, text: "new")
                        let next = try new.message()
                        // Its window is two, and two calls run.
                        try caller.ask(4, rpc: 20)
                        try caller.expectUndelivered(.busy, of: 4)
                        try new.answer(next, result(of: "to the second"))
                        #expect(try caller.reply(to: 3) == "to the second")
                        try old.answer(running, result(of: "to the first"))
                        #expect(try caller.reply(to: 1) == "to the first")
                        #expect(try old.next() == nil)
                        // Another hub: the first hears DRAIN and is left.
                        try process.reload(agent(hubs: [two.agents], ids: "20-29", upstream: second.port, ["concurrency: 2"]))
                        try one.eventuallyMetric("links_open", ["side": "agents"]) { $0 == 0 }
                        let there = try two.caller(78)
                        try there.ask(1, rpc: 20)
                        try new.answer(try new.message(), result(of: "over the second hub"))
                        #expect(try there.reply(to: 1) == "over the second hub")
                        let reasons = try process.reloadRefused(
                            agent(hubs: [two.agents], ids: "20-29", upstream: second.port).map { $0 == "  node: 5" ? "  node: 6" : $0 })
                        #expect(reasons == ["rpcAgent.node: cannot change from 5 to 6 while running; restart the process"])
                    }
                }
            }
        }

        /// A `ProtoReply` as an old server's `rpc` returns it.
        private func result(of text: String) -> [UInt8] {
            var body = ByteBuffer()
            ThriftBody.write(ProtoReply(result: 0, type: 1, content: ByteBuffer(string: text)), encoding: .binary, to: &body)
            return Array(body.readableBytesView)
        }
    }
}
