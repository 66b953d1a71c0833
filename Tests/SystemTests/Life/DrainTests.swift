import Foundation
import Testing
import Wire

extension SystemTests {
    /// Leaving (rule S25).
    @Suite struct DrainTests {
        @Test("S25: SIGTERM: no new clients; answers, then REJECT draining, spread over half of drainTimeout; SESSION_CLOSED, then DRAIN; exit 0")
        func terminates() throws {
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, top: ["drainTimeout: 4s"])) { gateway in
                let ones = try (0..<8).map { _ in try gateway.introduced(to: upstream) }
                for (sender, one) in ones.enumerated() {
                    #expect(try one.client.receive().control == nil)
                    try one.client.send((0..<50).map { Packet(100, from: sender, number: $0) })
                }
                _ = try upstream.packets(8 + 400)
                let begin = ContinuousClock.now
                gateway.signal(SIGTERM)
                let ends = ones.map { one in
                    InBackground {
                        #expect(try one.client.receive(50).map(\.number) == Array(0..<50))
                        try one.client.expectReject(.draining)
                        return ContinuousClock.now - begin
                    }
                }
                try eventually("the listener is closed", within: .seconds(2)) { (try? gateway.client()) == nil }
                #expect(!gateway.child.hasExited)
                let times = try ends.map { try $0.value() }.sorted()
                #expect(times[7] < .milliseconds(3200), "the last client was closed after \(times[7])")
                #expect(times[7] - times[0] > .milliseconds(800), "closed at once: \(times)")
                #expect(try gateway.exitCode() == 0)
                #expect(ContinuousClock.now - begin < .milliseconds(4700))

                let controls = upstream.arrivals.map(\.packet).filter { [.sessionClosed, .drain].contains($0.control) }
                #expect(Set(controls.dropFirst().dropLast().map(\.header.session)) == Set(ones.map(\.session)))
                let drain = try #require(controls.last).read(Drain.self)
                #expect(drain.deadlineMilliseconds > 0 && drain.deadlineMilliseconds <= 4000)
                #expect(controls.count == 10, "one for the earlier sessions, 8, DRAIN")
            }
        }

        @Test("S25: SIGINT closes the clients at once")
        func interrupts() throws {
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, top: ["drainTimeout: 30s"])) { gateway in
                let clients = try gateway.clients(8)
                let begin = ContinuousClock.now
                gateway.signal(SIGINT)
                for client in clients { try client.expectReject(.draining) }
                #expect(ContinuousClock.now - begin < .seconds(2))
                #expect(try gateway.exitCode() == 0)
                #expect(ContinuousClock.now - begin < .seconds(4))
                #expect(upstream.controls(.drain).count == 1)
            }
        }

        @Test("S25: answers that come within 250 ms of the signal still reach their client, before REJECT")
        func lateAnswers() throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, top: ["drainTimeout: 30s"])) { gateway in
                let ones = try (0..<4).map { _ in try gateway.introduced(to: upstream) }
                gateway.signal(SIGINT)
                pass(.milliseconds(100))
                for one in ones { try upstream.send(Packet(100, "answer", session: one.session)) }
                for one in ones {
                    #expect(try one.client.receive().text == "answer")
                    try one.client.expectReject(.draining)
                }
                #expect(try gateway.exitCode() == 0)
            }
        }

        @Test("S25: an upstream that does not answer DRAIN within a second is taken to have answered; a legacy one is not asked")
        func silentUpstream() throws {
            let (silent, legacy) = (try UpstreamServer(.silent), try UpstreamServer(.record))
            defer { for upstream in [silent, legacy] { upstream.stop() } }
            let routes = [Configuration.route("silent", "100", silent), Configuration.route("old", "200", legacy, more: "legacy: true")]
            try withGateway(Configuration(routes: routes, top: ["drainTimeout: 20s"])) { gateway in
                let client = try gateway.client()
                try client.send(Packet(200, "x"))
                _ = try legacy.packets(1)
                let begin = ContinuousClock.now
                gateway.signal(SIGINT)
                try client.expectReject(.draining)
                #expect(try gateway.exitCode() == 0)
                let took = ContinuousClock.now - begin
                #expect(took >= .milliseconds(900) && took < .milliseconds(3500), "ended after \(took)")
                #expect(silent.controls(.drain).count == 1)
                #expect(legacy.arrivals.count == 1)
            }
        }

        @Test("S25: a second signal ends at once with 1", arguments: [[SIGTERM, SIGTERM], [SIGTERM, SIGINT], [SIGINT, SIGTERM]])
        func secondSignal(signals: [Int32]) throws {
            let upstream = try UpstreamServer(.deaf)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, "highWater: 64KiB", top: ["drainTimeout: 30s"])) { gateway in
                let clients = try gateway.clients(3)
                gateway.signal(signals[0])
                try eventually("the listener is closed") { (try? gateway.client()) == nil }
                let begin = ContinuousClock.now
                gateway.signal(signals[1])
                #expect(try gateway.exitCode() == 1)
                #expect(ContinuousClock.now - begin < .seconds(1))
                withExtendedLifetime(clients) {}
            }
        }

        @Test("S25: a link closes when its queue is empty: an upstream that reads late still gets everything that was sent to it")
        func slowUpstream() throws {
            let upstream = try UpstreamServer(.deaf)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, "highWater: 32MiB", top: ["drainTimeout: 20s"])) { gateway in
                let client = try gateway.client()
                var sent = 0
                while try gateway.metrics()["queue_bytes", ["side": "route"]] < 500_000 {
                    try client.send((sent..<sent + 20).map { Packet(100, from: 0, number: $0, size: 8 << 10) })
                    sent += 20
                }
                try client.expectNothing()
                gateway.signal(SIGINT)
                try client.expectReject(.draining)
                // Longer than the second that DRAIN's answer may take, and another for the last word.
                pass(.milliseconds(3500))
                #expect(!gateway.child.hasExited)
                upstream.reading(true)
                #expect(try upstream.packets(sent).map(\.number) == Array(0..<sent))
                #expect(try upstream.controls(.drain, 1).count == 1)
                #expect(try gateway.exitCode() == 0)
            }
        }

        @Test("S25: at drainTimeout the rest is cut, exit 0")
        func cut() throws {
            let upstream = try UpstreamServer(.deaf)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, "highWater: 32MiB", top: ["drainTimeout: 2s"])) { gateway in
                let client = try gateway.client()
                while try gateway.metrics()["queue_bytes", ["side": "route"]] < 500_000 {
                    try client.send((0..<20).map { Packet(100, from: 0, number: $0, size: 8 << 10) })
                }
                let begin = ContinuousClock.now
                gateway.signal(SIGTERM)
                #expect(try gateway.exitCode() == 0)
                let took = ContinuousClock.now - begin
                #expect(took >= .milliseconds(1900) && took < .milliseconds(3500), "ended after \(took)")
            }
        }

        @Test("S25: without clients a drain ends soon; with tellClients: false clients are closed without a word")
        func quiet() throws {
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, gateway: ["tellClients: false"], top: ["drainTimeout: 3s"])) { gateway in
                let client = try gateway.clients(1)[0]
                gateway.signal(SIGTERM)
                try client.expectClose()
                #expect(try gateway.exitCode() == 0)
            }
            try withGateway(Configuration(to: upstream, top: ["drainTimeout: 30s"])) { gateway throws in
                gateway.signal(SIGTERM)
                #expect(try gateway.exitCode(within: .seconds(3)) == 0)
            }
        }
    }
}
