import Foundation
import Links
import Operate
import Telemetry
import Testing

@Suite("Admin server: what it shows", .timeLimit(.minutes(1)))
struct AdminPagesTests {
    @Test("/healthz says ok in every state", arguments: ProcessState.Phase.allCases)
    func health(phase: ProcessState.Phase) async throws {
        try await withAdmin(state: phase) { client, _, _ async throws in
            let reply = try await client.get("/healthz")
            #expect(reply.status == 200 && reply.body == "ok\n")
            #expect(reply.headers["content-type"] == "text/plain; charset=utf-8")
        }
    }

    @Test("/readyz says ready only while the process serves")
    func readinessOfTheProcess() async throws {
        try await withAdmin(state: .starting) { client, _, state async throws in
            for (phase, status, body) in [
                (ProcessState.Phase.starting, 503, "starting\n"), (.serving, 200, "ready\n"), (.draining, 503, "draining\n"),
                (.stopped, 503, "draining\n"),
            ] {
                state.phase = phase
                let reply = try await client.get("/readyz")
                #expect(reply.status == status && reply.body == body, "\(phase)")
            }
        }
    }

    @Test(
        "/readyz says ready only while every role serves",
        arguments: [
            ("serving", 200, "ready\n"), ("draining", 503, "draining\n"), ("stopped", 503, "draining\n"), ("starting", 503, "starting\n"),
            ("confused", 503, "starting\n"),
        ])
    func readinessOfRoles(state: String, status: Int, body: String) async throws {
        let role = FakeRole("hub")
        try await withAdmin(roles: [FakeRole(), role]) { client, _, _ async throws in
            #expect(try await client.get("/readyz").status == 200)
            role.become(state)
            let reply = try await client.get("/readyz")
            #expect(reply.status == status && reply.body == body)
        }
    }

    @Test("/metrics has every sample of every role, each under HELP and TYPE, and the version")
    func metrics() async throws {
        try await withAdmin(roles: [FakeRole("gateway"), FakeRole("hub")]) { client, _, _ async throws in
            let reply = try await client.get("/metrics")
            #expect(reply.status == 200 && reply.headers["content-type"] == PrometheusText.contentType)
            var help: Set<Substring> = []
            var type: Set<Substring> = []
            var series: Set<Substring> = []
            for line in reply.body.split(separator: "\n") {
                let words = line.split(separator: " ")
                switch words.prefix(2) {
                case ["#", "HELP"]: help.insert(words[2])
                case ["#", "TYPE"]: type.insert(words[2])
                default:
                    let name = line.prefix { $0 != "{" && $0 != " " }
                    #expect(help.contains(name) && type.contains(name) && words.last.flatMap { Int($0) } != nil, "\(line)")
                    series.insert(line)
                }
            }
            // Five of each role, the version, and three about the configuration.
            #expect(series.count == 14)
            #expect(series.contains("switchyard_links_open{role=\"hub\",side=\"clients\"} 3"))
            #expect(series.contains("switchyard_packets_total{role=\"gateway\",route=\"chat\",direction=\"out\"} 5"))
            #expect(series.contains("switchyard_build_info{version=\"\(Build.version)\"} 1"))
        }
    }

    @Test("/status is JSON: the process and its roles, in order")
    func status() async throws {
        let roles = [FakeRole("gateway"), FakeRole("hub", state: "draining")]
        try await withAdmin(roles: roles) { client, _, state async throws in
            let reply = try await client.get("/status")
            #expect(reply.status == 200 && reply.headers["content-type"] == "application/json")
            #expect(reply.body.contains("\"unix:/run/chat\""))
            let status = try JSONDecoder().decode(AdminStatus.self, from: Data(reply.body.utf8))
            #expect(status.name == "edge-1" && status.version == Build.version && status.state == .serving)
            #expect((0..<60).contains(status.uptimeSeconds))
            #expect(status.roles == [await roles[0].status(), await roles[1].status()])
            state.phase = .draining
            #expect(try await client.get("/status").body.contains("\"state\" : \"draining\""))
        }
    }

    @Test("Roles keep their order, whichever answers first")
    func order() async throws {
        let gate = Gate()
        try await withAdmin(roles: [FakeRole("gateway", gate: gate), FakeRole("hub")]) { client, _, _ async throws in
            async let reply = client.get("/status")
            await gate.arrival()
            try await Task.sleep(for: .milliseconds(20))
            gate.open()
            let status = try JSONDecoder().decode(AdminStatus.self, from: Data(try await reply.body.utf8))
            #expect(status.roles.map(\.role) == ["gateway", "hub"])
        }
    }

    @Test("A query is no part of the path, and answers are not kept by caches")
    func query() async throws {
        try await withAdmin { client, _, _ async throws in
            let reply = try await client.get("/healthz?verbose=1")
            #expect(reply.status == 200 && reply.headers["cache-control"] == "no-store")
        }
    }
}
