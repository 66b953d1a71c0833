import Foundation
import Testing
import Wire

extension SystemTests {
    /// What an operator sees of a running process and does to it through the admin server.
    @Suite struct InspectionTests {
        private static func configuration(to upstream: UpstreamServer, _ more: String = "") -> Configuration {
            var configuration = Configuration(to: upstream, more)
            configuration.admin = "{ listen: 127.0.0.1:0, token: env:SWITCHYARD_TEST_TOKEN }"
            return configuration
        }

        private static let environment = ["SWITCHYARD_TEST_TOKEN": "hunter2"]
        private static let bearer = ["Authorization: Bearer hunter2"]

        private func with(_ upstream: UpstreamServer, _ more: String = "", _ body: (SwitchyardProcess) throws -> Void) throws {
            defer { upstream.stop() }
            try withGateway(InspectionTests.configuration(to: upstream, more), environment: InspectionTests.environment, body)
        }

        private func list(_ gateway: SwitchyardProcess, _ path: String) throws -> [[String: Any]] {
            let answer = try gateway.get(path, headers: InspectionTests.bearer)
            guard answer.status == 200, let list = try JSONSerialization.jsonObject(with: Data(answer.body.utf8)) as? [[String: Any]] else {
                throw Unmet("GET \(path): \(answer.status) \(answer.body)")
            }
            return list
        }

        @Test("/links shows a client with its session and user; closing it tells the client, and it is shown among the closed with the code")
        func links() throws {
            let upstream = try UpstreamServer(.record)
            try with(upstream) { gateway in
                let one = try gateway.bound(to: upstream, user: 1001, token: 7)
                let other = try gateway.introduced(to: upstream)
                let found = try list(gateway, "/links?user=1001")
                #expect(found.count == 1 && found[0]["session"] as? String == "\(one.session)" && found[0]["side"] as? String == "clients")
                #expect((found[0]["receivedBytes"] as? Int ?? 0) > 28)
                #expect(try list(gateway, "/links?side=route").count == 1)
                #expect(try list(gateway, "/links?side=clients").count == 2)
                let id = try #require(found[0]["id"] as? Int)
                #expect(try gateway.post("/links/\(id)/close").status == 200)
                try one.client.expectReject(.cancelled)
                let closed = try obtain("the closed link") { try list(gateway, "/links?closed=true&user=1001").first }
                #expect(closed["code"] as? String == "cancelled" && closed["session"] as? String == "\(one.session)")
                try other.client.expectNothing()
                try gateway.logLine("audit:", "/links/\(id)/close", "closed 1")
                #expect(try gateway.post("/links/\(id)/close").status == 404)
            }
        }

        @Test("Kick closes every session of the user and no other")
        func kick() throws {
            let upstream = try UpstreamServer(.record)
            try with(upstream) { gateway in
                let (first, second) = (try gateway.bound(to: upstream, user: 5, token: 1), try gateway.bound(to: upstream, user: 5, token: 1))
                let other = try gateway.bound(to: upstream, user: 6, token: 1)
                #expect(try gateway.post("/kick?user=5&code=unauthorized&reason=cheating").body == "kicked 2\n")
                for one in [first, second] { #expect(try one.client.expectReject(.unauthorized).reason == "cheating") }
                try other.client.expectNothing()
                #expect(try gateway.post("/kick?session=\(other.session)").body == "kicked 1\n")
                try other.client.expectReject(.cancelled)
                #expect(try gateway.post("/kick?user=5").status == 404)
            }
        }

        @Test("A disabled upstream gets nothing new, keeps its link, and is used again when it is enabled")
        func disable() throws {
            let upstream = try UpstreamServer(.echo)
            try with(upstream) { gateway in
                let client = try gateway.client()
                #expect(try client.exchange(Packet(100, "before")).text == "before")
                #expect(try gateway.post("/upstreams/\(upstream.address)/disable").status == 200)
                try client.send(Packet(100, "during"))
                try client.expectUndelivered(.draining)
                let routes = try list(gateway, "/routes")
                let upstreams = routes.first { $0["name"] as? String == "echo" }?["upstreams"] as? [[String: Any]]
                #expect(upstreams?.first?["state"] as? String == "disabled")
                #expect(try list(gateway, "/links?side=route").count == 1)
                #expect(try gateway.post("/upstreams/\(upstream.address)/enable").status == 200)
                #expect(try client.exchange(Packet(100, "after")).text == "after")
            }
        }

        @Test("/pending and the age metric show what waits for an upstream, and for how long")
        func pending() throws {
            let upstream = try UpstreamServer(.echo, up: false)
            try with(upstream, "waitForPeer: 30s") { gateway in
                let client = try gateway.client()
                try client.send(Packet(100, "waiting"))
                let waiting = try obtain("the packet that waits") {
                    try list(gateway, "/pending").first { $0["route"] as? String == "echo" && $0["count"] as? Int == 1 }
                }
                #expect(waiting["bytes"] as? Int == 28 + 7)
                try eventually("its age") {
                    try list(gateway, "/pending").contains { $0["route"] as? String == "echo" && $0["oldestMilliseconds"] as? Int ?? 0 > 100 }
                }
                try gateway.eventuallyMetric("oldest_pending_milliseconds", ["route": "echo"]) { $0 > 100 }
                upstream.goUp()
                #expect(try client.receive(within: .seconds(20)).text == "waiting")
                try gateway.eventuallyMetric("oldest_pending_milliseconds", ["route": "echo"]) { $0 == 0 }
            }
        }

        @Test("The stream of snapshots shows an upstream that was killed as down within 2 s")
        func events() throws {
            let upstream = try UpstreamServer(.echo)
            try with(upstream) { gateway in
                var best = Duration.seconds(60)
                // The best of several: a slow machine may take its time once.
                for _ in 0..<5 where best > .seconds(2) {
                    upstream.goUp()
                    var killed: ContinuousClock.Instant?
                    let answer = try adminRequest("GET", "/events", headers: InspectionTests.bearer, port: gateway.adminPort) { text in
                        if killed == nil, text.contains("\"state\":\"up\"") {
                            killed = .now
                            try? upstream.goDown()
                        }
                        return killed != nil && text.contains("\"state\":\"down\"")
                    }
                    #expect(answer.status == 0, "the stream ended by itself")
                    if let killed { best = min(best, ContinuousClock.now - killed) }
                }
                #expect(best < .seconds(2))
            }
        }

        /// One packet after the other on each of these clients, until the job has what it waits for.
        private func send(_ packets: [(PacketClient, Packet)], until job: InBackground<HTTPAnswer>) throws -> HTTPAnswer {
            try eventually("the answer to what is being sent", within: .seconds(30)) {
                for (client, packet) in packets { _ = try client.exchange(packet) }
                return job.isDone
            }
            return try job.value()
        }

        private func ask(_ gateway: SwitchyardProcess, _ path: String, until enough: @escaping @Sendable (String) -> Bool) -> InBackground<HTTPAnswer>
        {
            let port = gateway.adminPort
            return InBackground { try adminRequest("POST", path, headers: InspectionTests.bearer + ["Content-Length: 0"], port: port, until: enough) }
        }

        @Test("A trace follows one session in both directions on both links, and no other")
        func trace() throws {
            let upstream = try UpstreamServer(.echo)
            try with(upstream) { gateway in
                let one = try gateway.introduced(to: upstream)
                let other = try gateway.introduced(to: upstream)
                for introduced in [one, other] { _ = try introduced.client.receive() }
                let parts = ["from clients", "to   route", "from route", "to   clients"]
                let job = ask(gateway, "/trace?session=\(one.session)&seconds=60") { text in
                    let lines = text.split(separator: "\n").filter { $0.contains("type 111,") }
                    return parts.allSatisfy { part in lines.contains { $0.contains(part) } }
                }
                let answer = try send([(other.client, Packet(122, "not traced")), (one.client, Packet(111, "traced"))], until: job)
                #expect(!answer.body.contains("type 122,"))
            }
        }

        @Test("A trace and a capture end after their time")
        func traceEnds() throws {
            let upstream = try UpstreamServer(.echo)
            try with(upstream) { gateway throws in
                #expect(try gateway.post("/trace?user=7&seconds=1").status == 200)
                #expect(try gateway.post("/capture?seconds=1").status == 200)
                for path in ["/trace?user=7&seconds=301", "/trace?user=7&session=8", "/capture?seconds=0", "/capture?bytes=1"] {
                    #expect(try gateway.post(path).status == 400, "\(path)")
                }
            }
        }

        @Test("A capture holds what the links carried, as pcapng")
        func capture() throws {
            let upstream = try UpstreamServer(.echo)
            try with(upstream) { gateway in
                let client = try gateway.client()
                // Four times: in and out on both links.
                let job = ask(gateway, "/capture?seconds=60") { $0.ranges(of: "a body to be found").count >= 4 }
                let answer = try send([(client, Packet(100, "a body to be found"))], until: job)
                let start = try #require(answer.bytes.firstRange(of: [0x0A, 0x0D, 0x0D, 0x0A]))
                #expect(Array(answer.bytes[start.upperBound...].dropFirst(4).prefix(4)) == [0x4D, 0x3C, 0x2B, 0x1A])
            }
        }

        @Test("Whatever is asked and done, no secret is in what the process prints or answers")
        func secrets() throws {
            let upstream = try UpstreamServer(.echo)
            try with(upstream, "waitForPeer: 30s") { gateway in
                let one = try gateway.bound(to: upstream, user: 5, token: 987_654_321)
                var said = ""
                for path in [
                    "/", "/healthz", "/readyz", "/metrics", "/status", "/links", "/links?closed=true", "/routes", "/registry", "/pools", "/lanes",
                    "/pending", "/config", "/config?format=yaml", "/nonsense", "/links?sort=hunter",
                ] { said += try gateway.get(path, headers: InspectionTests.bearer).body }
                for path in ["/status", "/config"] { said += try gateway.get(path, headers: ["Authorization: Bearer hunter2x"]).body }
                for path in ["/drain", "/undrain", "/reload", "/kick?user=5", "/links/1/close"] { said += try gateway.post(path).body }
                try one.client.expectReject(.cancelled)
                gateway.signal(SIGHUP)
                try gateway.logLine("configuration reloaded")
                gateway.signal(SIGTERM)
                #expect(try gateway.exitCode() == 0)
                said += (gateway.child.output + gateway.child.errors).joined(separator: "\n")
                #expect(said.contains("***") || said.contains("masked"), "the configuration was shown")
                #expect(!said.contains("hunter2") && !said.contains("987654321"))
            }
        }
    }
}
