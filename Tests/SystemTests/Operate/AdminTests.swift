import Foundation
import Testing
import Wire

extension SystemTests {
    /// The admin server (config, metrics).
    @Suite struct AdminTests {
        @Test("Admin: /healthz, /readyz and /status answer")
        func answers() throws {
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, top: ["name: edge-7"])) { gateway in
                #expect(try gateway.get("/healthz").status == 200)
                #expect(try gateway.get("/readyz").status == 200)
                let status = try gateway.get("/status")
                #expect(status.status == 200 && status.headers["content-type"]?.contains("json") == true)
                let object = try JSONSerialization.jsonObject(with: Data(status.body.utf8))
                #expect(object is [String: Any] && status.body.contains("edge-7"))
                #expect(try gateway.get("/nonsense").status == 404)
            }
        }

        /// The names that exist from the first issue on.
        static let names = [
            "links_open", "links_closed_total", "packets_total", "bytes_total", "undelivered_total", "security_events_total", "reconnects_total",
            "queue_bytes", "multicast_members_total", "build_info",
        ]

        @Test("Metrics: every documented name is there, and the numbers are those of the traffic")
        func metrics() throws {
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream)) { gateway in
                let one = try gateway.bound(to: upstream, user: 5, token: 6)
                for number in 0..<20 { try one.client.send(Packet(100, from: 0, number: number, size: 100)) }
                _ = try upstream.packets(21)
                try upstream.send(Packet(Multicast(sessions: [one.session, 1], inner: Packet(100)), es: 1))
                try one.client.send(Packet(300))
                try eventually("the answers") { try one.client.receive().control == .undelivered }
                try gateway.eventuallyMetric("undelivered_total", ["role": "gateway", "route": "none", "code": "noRoute"]) { $0 == 1 }
                try one.client.send(Packet(100, user: 7))
                try gateway.eventuallyMetric("security_events_total", ["kind": "identity"]) { $0 == 1 }
                try upstream.goDown()
                try gateway.eventuallyMetric("links_closed_total", ["role": "gateway", "side": "route", "code": "lost"]) { $0 == 1 }
                upstream.goUp()
                try gateway.eventuallyMetric("reconnects_total", ["role": "gateway"], within: .seconds(20)) { $0 >= 1 }
                let metrics = try gateway.metrics()
                for name in AdminTests.names { #expect(metrics.knows(name), "\(name)") }
                #expect(metrics["packets_total", ["role": "gateway", "route": "echo", "direction": "in"]] >= 21)
                #expect(metrics["packets_total", ["role": "gateway", "route": "echo", "direction": "out"]] >= 21)
                #expect(metrics["bytes_total", ["role": "gateway", "direction": "in"]] >= 20 * 128)
                #expect(metrics["build_info"] == 1)
            }
        }

        @Test("Admin: with a token /status needs it; /healthz and /readyz do not, /metrics only beyond loopback")
        func token() throws {
            var configuration = Configuration()
            configuration.admin = "{ listen: 127.0.0.1:0, token: env:SWITCHYARD_TEST_TOKEN }"
            try withGateway(configuration, environment: ["SWITCHYARD_TEST_TOKEN": "hunter2"]) { gateway throws in
                for path in ["/healthz", "/readyz", "/metrics"] { #expect(try gateway.get(path).status == 200, "\(path)") }
                #expect(try gateway.get("/status").status == 401)
                #expect(try gateway.get("/status", headers: ["Authorization: Bearer hunter3"]).status == 401)
                #expect(try gateway.get("/status", headers: ["Authorization: Bearer hunter2"]).status == 200)
            }
        }
    }
}
