import Foundation
import Testing
import Wire

extension SystemTests {
    /// Alive or not (rule S17).
    @Suite struct HeartbeatTests {
        @Test("S17: a silent upstream gets PING after one heartbeat, is closed with idle after three, and dialed again")
        func silent() throws {
            let upstream = try UpstreamServer(.silent)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, gateway: ["heartbeat: 500ms"])) { gateway in
                let connection = try upstream.connection()
                _ = try obtain("PING") { upstream.controls(.ping).first }
                let pinged = ContinuousClock.now - connection.accepted
                #expect(pinged >= .milliseconds(400) && pinged < .milliseconds(1000), "PING after \(pinged)")
                let ended = try obtain("the close") { connection.endedAt }
                let closed = ended - connection.accepted
                #expect(closed >= .milliseconds(1400) && closed < .milliseconds(2300), "closed after \(closed)")
                let reject = try upstream.controls(.reject, 1)[0]
                #expect(try reject.read(Reject.self).code == Code.idle.rawValue)
                _ = try obtain("a new connection") { upstream.connections.count >= 2 ? () : nil }
                try gateway.eventuallyMetric("links_closed_total", ["side": "route", "code": "idle"]) { $0 >= 1 }
                try gateway.eventuallyMetric("reconnects_total") { $0 >= 1 }
            }
        }

        @Test("S17: an upstream need only answer PING; any complete frame is life; a legacy one gets no PING and stays")
        func alive() throws {
            let (answering, talking, legacy) = (try UpstreamServer(.record), try UpstreamServer(.silent), try UpstreamServer(.silent))
            defer { for upstream in [answering, talking, legacy] { upstream.stop() } }
            let routes = [
                Configuration.route("answering", "100", answering), Configuration.route("talking", "200", talking),
                Configuration.route("old", "300", legacy, more: "legacy: true"),
            ]
            try withGateway(Configuration(routes: routes, gateway: ["heartbeat: 250ms"])) { gateway in
                let one = try gateway.introduced(to: talking, type: 200)
                for number in 0..<20 {
                    try talking.send(Packet(200, from: 0, number: number, session: one.session))
                    pass(.milliseconds(100))
                }
                #expect(try one.client.receive(20).map(\.number) == Array(0..<20))
                #expect([answering, talking, legacy].map(\.connections.count) == [1, 1, 1])
                #expect(answering.controls(.ping).count >= 5)
                #expect(talking.controls(.ping).count <= 2, "what is heard often needs no PING")
                #expect(legacy.arrivals.isEmpty)
            }
        }

        @Test("S17: PING is sent whatever this side is sending itself, and half a frame is not life")
        func whileSending() throws {
            let upstream = try UpstreamServer(.silent)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, gateway: ["heartbeat: 400ms"])) { gateway in
                let client = try gateway.client()
                let connection = try upstream.connection()
                let half = Packet(100, bytes: Array(repeating: 0, count: 500)).encoded()
                var sent = 0
                while connection.isOpen, sent < 100 {
                    try client.send(Packet(100))
                    if sent < 100 { try? connection.send(bytes: [half[sent]]) }
                    sent += 1
                    pass(.milliseconds(50))
                }
                #expect(!upstream.controls(.ping).isEmpty)
                let closed = try obtain("the close") { connection.endedAt } - connection.accepted
                #expect(closed >= .milliseconds(1100) && closed < .milliseconds(2300), "closed after \(closed)")
            }
        }
    }
}

extension Packet {
    fileprivate init(_ type: UInt16, from sender: Int, number: Int, session: UInt64) {
        self.init(type, from: sender, number: number)
        header.session = session
    }
}
