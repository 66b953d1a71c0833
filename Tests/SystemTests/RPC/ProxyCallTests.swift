import Testing
import Wire

extension SystemTests {
    /// What happens to a call on its way through the RPC proxy (rules S1, S3, S19, S21-S24).
    @Suite struct ProxyCallTests {
        @Test("S21: an answer carries the caller's own sequence id and name, whatever the upstream wrote; the body passes untouched")
        func callersOwn() throws {
            let upstream = try Listener()
            try withProxy(to: [upstream], "inFlight: 10") { proxy in
                let server = try upstream.peer()
                let (one, two) = (try proxy.client(), try proxy.client())
                try one.send(.call, "first", 7, [8, 0, 1, 0, 0, 0, 1, 0])
                try two.send(.call, "second", 7, [8, 0, 1, 0, 0, 0, 2, 0])
                let calls = [try server.message(), try server.message()].sorted { $0.name < $1.name }
                #expect(calls.map(\.name) == ["first", "second"])
                #expect(calls[0].body == [8, 0, 1, 0, 0, 0, 1, 0])
                #expect(calls[0].sequence != calls[1].sequence)
                try server.answer(calls[1], [8, 0, 0, 0, 0, 0, 22, 0], name: "other")
                try server.answer(calls[0], [8, 0, 0, 0, 0, 0, 11, 0])
                #expect(try one.message() == .init(type: .reply, name: "first", sequence: 7, body: [8, 0, 0, 0, 0, 0, 11, 0]))
                #expect(try two.message() == .init(type: .reply, name: "second", sequence: 7, body: [8, 0, 0, 0, 0, 0, 22, 0]))
            }
        }

        @Test("S21: success, declared exception and TApplicationException are relayed and counted apart")
        func outcomes() throws {
            let upstream = try Listener()
            try withProxy(to: [upstream]) { proxy in
                let (server, client) = (try upstream.peer(), try proxy.client())
                let bodies: [(ThriftMessageType, [UInt8])] = [(.reply, [8, 0, 0, 0, 0, 0, 1, 0]), (.reply, [12, 0, 1, 0, 0]), (.exception, [0])]
                for (number, answer) in bodies.enumerated() {
                    try client.send(Int32(number))
                    try server.send(answer.0, "rpc", server.message().sequence, answer.1)
                    let got = try client.message()
                    #expect(got.type == answer.0)
                    #expect(got.body == answer.1)
                }
                try proxy.eventuallyMetric("calls_total", ["outcome": "ok"]) { $0 == 1 }
                try proxy.eventuallyMetric("calls_total", ["outcome": "exception"]) { $0 == 2 }
                try proxy.eventuallyMetric("call_seconds_count") { $0 == 3 }
            }
        }

        @Test(
            "S24: pipelined calls are answered in the client's order, however the upstream answers; unless `ordered: false`",
            arguments: [true, false])
        func order(isOrdered: Bool) throws {
            let upstream = try Listener()
            try withProxy(to: [upstream], "inFlight: 10", proxy: ["ordered: \(isOrdered)"]) { proxy in
                let (server, client) = (try upstream.peer(), try proxy.client())
                for sequence in Int32(1)...3 { try client.send(.call, "m\(sequence)", sequence) }
                let calls = try (1...3).map { _ in try server.message() }
                for index in [2, 0, 1] {
                    try server.answer(calls[index])
                    if !isOrdered { #expect(try client.message().sequence == Int32(index + 1)) }
                }
                if isOrdered { #expect(try (1...3).map { _ in try client.message().sequence } == [1, 2, 3]) }
            }
        }

        @Test("S23: a oneway call gets no answer, keeps no place in the order, and its failure closes nothing")
        func oneway() throws {
            let upstream = try Listener()
            try withProxy(to: [upstream]) { proxy in
                let (server, client) = (try upstream.peer(), try proxy.client())
                try client.send(.oneway, "tell", 1)
                try client.send(.call, "rpc", 2)
                #expect(try server.message().type == .oneway)
                let call = try server.message()
                #expect(call.type == .call)
                try server.answer(call)
                #expect(try client.message().sequence == 2)
                try upstream.down()
                server.socket.end()
                try proxy.eventuallyMetric("links_open", ["side": "upstream"]) { $0 == 0 }
                try eventually("the upstream counts as absent") {
                    try client.send(.call, "rpc", 3)
                    return try client.message().code == "noPeer"
                }
                try client.send(.oneway, "tell", 4)
                try client.send(.call, "rpc", 5)
                #expect(try client.message().sequence == 5)
                try proxy.eventuallyMetric("undelivered_total", ["code": "noPeer"]) { $0 == 1 }
                try proxy.expectNothingPending()
            }
        }

        @Test("S22: at most maxWaiting calls wait for a connection, in their order; one more is `busy` at once")
        func waiting() throws {
            let upstream = try Listener()
            try withProxy(to: [upstream], "maxWaiting: 2", proxy: ["ordered: false"]) { proxy in
                let (server, client) = (try upstream.peer(), try proxy.client())
                for sequence in Int32(1)...4 { try client.send(.call, "m\(sequence)", sequence) }
                let refused = try client.message()
                #expect(refused.sequence == 4)
                #expect(refused.code == "busy")
                for sequence in Int32(1)...3 {
                    let call = try server.message()
                    #expect(call.name == "m\(sequence)")
                    try server.answer(call)
                    #expect(try client.message().sequence == sequence)
                }
                try proxy.expectNothingPending()
            }
        }

        @Test("S19: hash sends calls with equal sharding ids to the same upstream, and uses all of them")
        func hash() throws {
            let upstreams = try (0..<3).map { _ in EchoingUpstream(try Listener()) }
            defer { for upstream in upstreams { upstream.stop() } }
            try withProxy(to: upstreams.map(\.listener), "balance: hash") { proxy in
                try proxy.eventuallyMetric("links_open", ["side": "upstream"]) { $0 == 3 }
                let client = try proxy.client()
                var owners: Set<Int> = []
                for id in UInt8(1)...24 {
                    let before = upstreams.map(\.answered)
                    for sequence in Int32(0)..<3 {
                        // Field 1 of the arguments holds a structure whose field 3 is the id.
                        try client.send(.call, "rpc", sequence, [12, 0, 1, 10, 0, 3, 0, 0, 0, 0, 0, 0, 0, id, 0, 0])
                        _ = try client.message()
                    }
                    let used = upstreams.indices.filter { upstreams[$0].answered > before[$0] }
                    #expect(used.count == 1, "id \(id) went to \(used)")
                    owners.formUnion(used)
                }
                #expect(owners == [0, 1, 2])
            }
        }

        @Test("S1: a method that no route names is answered noRoute at once; routes by service and method come first")
        func routes() throws {
            let (say, rest) = (try Listener(), try Listener())
            let routes = [("say", "[\"chat:say\"]", say), ("rest", "[login]", rest)].map {
                "{ name: \($0), methods: \($1), to: [\"127.0.0.1:\($2.port)\"], pools: 1, connections: 1 }"
            }
            let proxy = try ProxyProcess(routes: routes)
            defer { proxy.end() }
            let client = try proxy.client()
            let (sayServer, restServer) = (try say.peer(), try rest.peer())
            try client.send(.call, "other", 1)
            let refused = try client.message()
            #expect(refused.reason == "noRoute: no route for method other")
            #expect(refused.body.suffix(5) == [0, 0, 0, 1, 0], "UNKNOWN_METHOD")
            try client.send(.call, "chat:say", 2)
            try sayServer.answer(sayServer.message())
            _ = try client.message()
            try client.send(.call, "user:login", 3)
            try restServer.answer(restServer.message())
            #expect(try client.message().sequence == 3)
        }
    }
}
