import Foundation
import Testing
import Wire

extension SystemTests {
    /// Dialing and dialing again (rule S18).
    @Suite struct ReconnectTests {
        @Test("S18: the gateway reconnects by itself, and counts it")
        func reconnects() throws {
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream)) { gateway in
                let client = try gateway.client()
                for round in 1...3 {
                    #expect(try client.exchange(Packet(100, "round \(round)")).text == "round \(round)")
                    try upstream.goDown()
                    try gateway.eventuallyMetric("links_open", ["side": "route"]) { $0 == 0 }
                    try client.send(Packet(100))
                    try client.expectUndelivered(.noPeer)
                    upstream.goUp()
                    try gateway.eventuallyMetric("links_open", ["side": "route"], within: .seconds(20)) { $0 == 1 }
                    try eventually("service") { try client.exchange(Packet(100)).control == nil }
                }
                try gateway.eventuallyMetric("reconnects_total", ["role": "gateway"]) { $0 >= 3 }
                try gateway.eventuallyMetric("links_closed_total", ["side": "route", "code": "lost"]) { $0 == 3 }
            }
        }

        @Test("S18: an upstream that accepts and closes is not dialed at full speed: back-off is reset only after 5 s of health")
        func backoff() throws {
            let upstream = try UpstreamServer(UpstreamServer.Manner(slams: true))
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream)) { _ in
                pass(.seconds(5))
                // Waits grow from 0.1 s; had they been reset each time, there would be about a hundred.
                let attempts = upstream.connections.count
                #expect(attempts >= 3 && attempts <= 20, "\(attempts) attempts in 5 s")
            }
        }

        @Test("S18: the listeners are announced after the first attempts: a live upstream is connected by then, a refusing one delays nothing")
        func announced() throws {
            let (alive, dead) = (try UpstreamServer(.echo), try UpstreamServer(.echo, up: false))
            defer { for upstream in [alive, dead] { upstream.stop() } }
            let routes = [Configuration.route("alive", "100-199", alive, more: "connections: 4"), Configuration.route("dead", "200-299", dead)]
            for _ in 0..<5 {
                let begin = ContinuousClock.now
                try withGateway(Configuration(routes: routes, top: ["loops: 4"])) { gateway in
                    #expect(ContinuousClock.now - begin < .seconds(4))
                    let clients = try (0..<8).map { _ in try gateway.client() }
                    for client in clients { try client.send(Packet(100, "first")) }
                    for client in clients { #expect(try client.receive().text == "first") }
                }
            }
        }

        @Test("S18: an attempt that hangs ends after 5 s, and only then are the listeners announced")
        func hangs() throws {
            // A full backlog: the kernel drops what knocks.
            let full = try Listener(up: false)
            full.up(backlog: 0)
            let stuffing = (0..<3).map { _ in try? Socket(port: full.port, within: .milliseconds(50)) }
            let begin = ContinuousClock.now
            let configuration = Configuration(routes: ["{ name: full, types: [100], to: [127.0.0.1:\(full.port)] }"])
            let gateway = try SwitchyardProcess(configuration, announced: .seconds(15))
            defer { gateway.end() }
            let took = ContinuousClock.now - begin
            #expect(took >= .milliseconds(4900) && took < .seconds(9), "announced after \(took)")
            let client = try gateway.client()
            try client.send(Packet(100))
            try client.expectUndelivered(.noPeer, of: 100)
            withExtendedLifetime((full, stuffing)) {}
        }
    }
}
