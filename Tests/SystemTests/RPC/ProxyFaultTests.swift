import Foundation
import Testing
import Wire

extension SystemTests {
    /// Upstreams and clients that break, toward the real proxy (rules S2, S3, S20, S22). After each nothing is left of any call.
    @Suite struct ProxyFaultTests {
        /// The proxy serves normally: a new client's call is answered by a new connection to the upstream.
        private func expectService(_ proxy: ProxyProcess, _ upstream: Listener) throws {
            let client = try proxy.client()
            let server = InBackground {
                let server = try upstream.peer()
                try server.answer(server.message())
                return server
            }
            try client.send(.call, "again", 99)
            #expect(try client.message().type == .reply)
            _ = try server.value()
            try proxy.expectNothingPending()
        }

        @Test("S2: an upstream that dies answers every open call exactly once, `lost`, at once")
        func death() throws {
            let upstream = try Listener()
            try withProxy(to: [upstream], "inFlight: 1000") { proxy in
                let server = try upstream.peer()
                let clients = try (0..<20).map { _ in try proxy.client() }
                for client in clients { for sequence in Int32(0)..<10 { try client.send(sequence) } }
                for _ in 0..<200 { _ = try server.message() }
                let start = ContinuousClock.now
                server.socket.cut()
                for client in clients {
                    for sequence in Int32(0)..<10 {
                        let answer = try client.message()
                        #expect(answer.sequence == sequence)
                        #expect(answer.code == "lost")
                        #expect(answer.reason.contains("127.0.0.1:\(upstream.port)"))
                    }
                }
                #expect(ContinuousClock.now - start < .seconds(1), "answered by the death, not by a timeout of 10 s")
                for client in clients { try client.expectNothing(for: .milliseconds(1)) }
                try expectService(proxy, upstream)
            }
        }

        @Test("S22: one call at a time: after a deadline the connection is thrown away, so a late answer meets no other call")
        func deadlineExclusive() throws {
            let upstream = try Listener()
            try withProxy(to: [upstream], "timeout: 200ms") { proxy in
                let (server, client) = (try upstream.peer(), try proxy.client())
                try client.send(1)
                _ = try server.message()
                let answer = try client.message()
                #expect(answer.code == "deadline")
                #expect(try server.next() == nil)
                try expectService(proxy, upstream)
            }
        }

        @Test("S22: pipelined: a late answer is matched to its tombstone and dropped, and the connection goes on")
        func deadlinePipelined() throws {
            let upstream = try Listener()
            try withProxy(to: [upstream], "inFlight: 10, timeout: 200ms") { proxy in
                let (server, client) = (try upstream.peer(), try proxy.client())
                try client.send(1)
                let late = try server.message()
                #expect(try client.message().code == "deadline")
                try proxy.eventuallyMetric("calls_pending", ["state": "givenUp"]) { $0 == 1 }
                try client.send(2)
                let second = try server.message()
                try server.answer(late, [2, 0, 0, 1, 0])
                try server.answer(second)
                #expect(try client.message() == .init(type: .reply, name: "rpc", sequence: 2, body: [0]))
                try proxy.eventuallyMetric("late_answers_total") { $0 == 1 }
                try proxy.expectNothingPending()
            }
        }

        @Test("S22: what cannot be an answer closes the connection, and its call is answered `protocol`", arguments: [1, 10])
        func broken(inFlight: Int) throws {
            let upstream = try Listener()
            try withProxy(to: [upstream], "inFlight: \(inFlight)") { proxy in
                let answers: [(String, (ThriftPeer.Message) -> [UInt8])] = [
                    ("an unknown sequence id", { ThriftPeer.bytes(.reply, "rpc", $0.sequence &+ 1, [0]) }),
                    ("a call instead of an answer", { ThriftPeer.bytes(.call, "rpc", $0.sequence, [0]) }),
                    ("a length of 2 GiB", { _ in [0x7F, 0xFF, 0xFF, 0xFF, 0x80, 0x01, 0, 2] }),
                    ("a negative length", { _ in [0xFF, 0xFF, 0xFF, 0xFF] }),
                    ("another protocol", { _ in Array("HTTP/1.1 200 OK\r\n\r\n".utf8) }),
                    ("a name longer than the frame", { _ in [0, 0, 0, 12, 0x80, 1, 0, 2, 0, 0, 1, 0, 0, 0, 0, 0] }),
                ]
                let client = try proxy.client()
                for (number, (what, bytes)) in answers.enumerated() {
                    let server = try upstream.peer()
                    try client.send(Int32(number))
                    try server.socket.write(bytes(server.message()))
                    let answer = try client.message()
                    #expect(answer.code == "protocol", "\(what): \(answer.reason)")
                    #expect(answer.sequence == Int32(number))
                    #expect(try server.next() == nil, "\(what): the connection stays")
                }
                try expectService(proxy, upstream)
            }
        }

        @Test("S2: half a frame and then the end: `lost`")
        func half() throws {
            let upstream = try Listener()
            try withProxy(to: [upstream]) { proxy in
                let (server, client) = (try upstream.peer(), try proxy.client())
                try client.send(1)
                let whole = ThriftPeer.bytes(.reply, "rpc", try server.message().sequence, [0])
                try server.socket.write(Array(whole.dropLast(3)))
                server.socket.end()
                #expect(try client.message().code == "lost")
                try expectService(proxy, upstream)
            }
        }

        @Test("S22: an upstream that resets whoever connects is absent, and comes back by itself")
        func resets() throws {
            let upstream = try Listener()
            try withProxy(to: [upstream]) { proxy in
                try upstream.peer().socket.cut()
                let client = try proxy.client()
                for sequence in Int32(0)..<5 {
                    try client.send(sequence)
                    try upstream.peer().socket.cut()
                    #expect(["lost", "neverSent", "noPeer"].contains(try client.message().code))
                }
                let mended = EchoingUpstream(upstream)
                defer { mended.stop() }
                // While its last attempt counts as failed it is absent.
                try eventually("the upstream answers again", within: .seconds(60)) {
                    try client.send(99)
                    return try client.message().type == .reply
                }
                try proxy.expectNothingPending()
            }
        }

        @Test("Clients that vanish with 1,000 calls open leave nothing, and disturb no one")
        func vanished() throws {
            let upstream = try Listener()
            try withProxy(to: [upstream], "inFlight: 2000") { proxy in
                let server = try upstream.peer()
                var calls: [ThriftPeer.Message] = []
                do {
                    let client = try proxy.client()
                    for sequence in Int32(0)..<1000 { try client.send(sequence) }
                    for _ in 0..<1000 { calls.append(try server.message()) }
                    client.socket.cut()
                }
                try proxy.eventuallyMetric("links_open", ["side": "clients"]) { $0 == 0 }
                #expect(try proxy.metrics()["calls_in_flight"] == 1000)
                for call in calls { try server.answer(call) }
                try proxy.expectNothingPending()
                try proxy.eventuallyMetric("calls_total", ["outcome": "cancelled"]) { $0 == 1000 }
                let other = try proxy.client()
                try other.send(5)
                try server.answer(server.message())
                #expect(try other.message().sequence == 5)
            }
        }

        @Test("S4: with every upstream down calls are answered noPeer at once; when they are back, so is the service")
        func allDown() throws {
            let upstreams = [try Listener(up: false), try Listener(up: false)]
            try withProxy(to: upstreams) { proxy in
                let client = try proxy.client()
                for sequence in Int32(0)..<50 {
                    try client.send(sequence)
                    let answer = try client.message(within: .seconds(1))
                    #expect(answer.code == "noPeer")
                    #expect(answer.sequence == sequence)
                }
                try proxy.expectNothingPending()
                let echoes = upstreams.map { upstream in
                    upstream.up()
                    return EchoingUpstream(upstream)
                }
                defer { for echo in echoes { echo.stop() } }
                try eventually("an upstream answers", within: .seconds(60)) {
                    try client.send(77)
                    return try client.message().type == .reply
                }
                try proxy.expectNothingPending()
            }
        }

        @Test("S3: only an idempotent method is repeated, once, on another upstream; what was lost twice is told as lost")
        func retries() throws {
            let upstreams = [try Listener(), try Listener()]
            try withProxy(to: upstreams, "inFlight: 10, idempotent: [get]") { proxy in
                let servers = try upstreams.map { try $0.peer() }
                let client = try proxy.client()
                try client.send(.call, "get", 1, [2, 0, 7, 1, 0])
                let (call, first) = try whoGot(servers)
                servers[first].socket.cut()
                let second = try servers[1 - first].message()
                #expect(second.name == call.name)
                #expect(second.body == call.body)
                try servers[1 - first].answer(second)
                #expect(try client.message().type == .reply)
                try proxy.eventuallyMetric("retries_total", ["why": "lost"]) { $0 == 1 }

                let again = try upstreams[first].peer()
                let both = first == 0 ? [again, servers[1]] : [servers[0], again]
                try client.send(.call, "put", 2)
                let (_, holder) = try whoGot(both)
                both[holder].socket.cut()
                #expect(try client.message().code == "lost")
                #expect(try proxy.metrics()["retries_total"] == 1)
                try proxy.expectNothingPending()
            }
        }

        /// The call that one of two upstreams has got, and which.
        private func whoGot(_ servers: [ThriftPeer]) throws -> (ThriftPeer.Message, Int) {
            try obtain("a call at either upstream") {
                for (index, server) in servers.enumerated() {
                    if let message = try? server.next(within: .milliseconds(5)) { return (message, index) }
                }
                return nil
            }
        }

        @Test("S20: an upstream that fails five times in a row is left out, a probe brings it back; a single one never is")
        func ejection() throws {
            let (bad, good) = (try Listener(), EchoingUpstream(try Listener()))
            defer { good.stop() }
            try withProxy(to: [bad, good.listener], "inFlight: 10, balance: random") { proxy in
                let client = try proxy.client()
                let failing = InBackground {
                    // Takes a call and cuts, until it has been left out.
                    var cuts = 0
                    let end = ContinuousClock.now + .seconds(25)
                    while try proxy.metrics()["ejections_total"] == 0 {
                        guard ContinuousClock.now < end else { throw Unmet("not left out within 25 s, after \(cuts) failures in a row") }
                        guard let socket = bad.accept(within: .milliseconds(20)) else { continue }
                        let peer = ThriftPeer(socket)
                        if (try? peer.next(within: .milliseconds(300))) != nil { cuts += 1 }
                        socket.cut()
                    }
                    return cuts
                }
                var sequence: Int32 = 0
                while !failing.isDone {
                    try client.send(sequence)
                    _ = try client.message()
                    sequence += 1
                }
                #expect(try failing.value() <= 5)
                let mended = EchoingUpstream(bad)
                defer { mended.stop() }
                try eventually("the upstream is taken back", within: .seconds(20)) {
                    try client.send(7)
                    _ = try client.message()
                    return mended.answered > 3
                }
                try proxy.expectNothingPending()
            }
        }

        @Test("S20: an upstream that never answers is sent nothing while it is left out, though its connection stands")
        func leftOut() throws {
            let (mute, good) = (try Listener(), EchoingUpstream(try Listener()))
            defer { good.stop() }
            try withProxy(to: [mute, good.listener], "inFlight: 10, balance: random, timeout: 1s") { proxy in
                let client = try proxy.client()
                let peer = ThriftPeer(try obtain("it is connected") { mute.accept(within: .seconds(1)) })
                var (failures, sequence) = (0, Int32(0))
                var sent = ContinuousClock.now
                let end = sent + .seconds(60)
                while failures < 5 {
                    guard ContinuousClock.now < end else { throw Unmet("only \(failures) calls went to it within 60 s") }
                    sent = .now
                    try client.send(sequence)
                    if try client.message().type == .exception {
                        _ = try peer.next(within: .seconds(5))
                        failures += 1
                    }
                    sequence += 1
                }
                // The fifth call has failed a second after it was sent, not before, and from then on another passes.
                while ContinuousClock.now < sent + .milliseconds(1_200) {
                    try client.send(sequence)
                    #expect(try client.message().type == .reply)
                    sequence += 1
                }
                #expect(peer.socket.read(within: .zero) == .silence)
            }
        }
    }
}
