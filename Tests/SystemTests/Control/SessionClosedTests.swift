import Foundation
import Testing
import Wire

extension SystemTests {
    /// How upstreams learn of sessions that are gone (rule S12).
    @Suite struct SessionClosedTests {
        @Test("S12: a client that leaves is told with code 8 to each route that carried it in either direction, to no other")
        func carried() throws {
            let all = try (0..<4).map { _ in try UpstreamServer(.record) }
            let (used, pushed, unused, legacy) = (all[0], all[1], all[2], all[3])
            defer { for upstream in all { upstream.stop() } }
            let routes = [
                Configuration.route("used", "100-199", used), Configuration.route("pushed", "200-299", pushed),
                Configuration.route("unused", "300-399", unused), Configuration.route("old", "400-499", legacy, more: "legacy: true"),
            ]
            try withGateway(Configuration(routes: routes, gateway: ["esID: 7"])) { gateway in
                let one = try gateway.introduced(to: used)
                try one.client.send(Packet(400))
                try pushed.send(Packet(200, "hello", session: one.session))
                #expect(try one.client.receive().text == "hello")
                one.client.leave()
                for upstream in [used, pushed] {
                    let closed = try obtain("SESSION_CLOSED") { upstream.controls(.sessionClosed).first { $0.header.session != 0 } }
                    #expect(closed.header.session == one.session && closed.header.es == 7 && closed.header.user == 0)
                    #expect(try closed.read(SessionClosed.self).code == Code.cancelled.rawValue)
                }
                // A later session's packets over the other routes show that nothing more was to come.
                let later = try gateway.client()
                try later.send(Packet(300, "later"), Packet(400, "later"), Packet(100, "later"))
                for upstream in [unused, legacy] { _ = try obtain("the later packet") { upstream.packets.first { $0.text == "later" } } }
                #expect(unused.controls(.sessionClosed).map(\.header.session) == [0])
                #expect(legacy.arrivals.allSatisfy { !$0.packet.header.isControl })
                _ = try obtain("the later packet") { used.packets.first { $0.text == "later" } }
                #expect(used.controls(.sessionClosed).count == 2)
            }
        }

        @Test(
            "S12: the notice follows the session's last packet, with its user, however the client leaves",
            arguments: ["close", "halfClose", "reset"])
        func last(manner: String) throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, top: ["loops: 4"])) { gateway in
                let ones = try (0..<8).map { try gateway.bound(to: upstream, user: UInt64(5 + $0), token: 6) }
                for one in ones {
                    try one.client.send((0..<100).map { Packet(100, from: 1, number: $0) })
                    switch manner {
                    case "close": one.client.leave()
                    case "halfClose": one.client.socket.halfClose()
                    default:
                        // A reset discards what was not read yet; so wait until it was.
                        _ = try obtain("all packets") { upstream.packets.count { $0.header.session == one.session } == 101 ? () : nil }
                        one.client.socket.cut()
                    }
                }
                for (index, one) in ones.enumerated() {
                    let closed = try obtain("SESSION_CLOSED") { upstream.controls(.sessionClosed).first { $0.header.session == one.session } }
                    #expect(closed.header.user == UInt64(5 + index) && closed.header.es == 1)
                    #expect(try closed.read(SessionClosed.self).code == Code.cancelled.rawValue)
                    let mine = upstream.arrivals.map(\.packet).filter { $0.header.session == one.session }
                    #expect(mine.last?.control == .sessionClosed)
                    #expect(mine.count == 102, "introduction, 100 packets, SESSION_CLOSED")
                }
            }
        }

        @Test("S12: SESSION_CLOSED with Session 0 comes before any packet, once for each address, not again after a reconnect")
        func earlierSessions() throws {
            let (upstream, legacy) = (try UpstreamServer(.record), try UpstreamServer(.record))
            defer { for server in [upstream, legacy] { server.stop() } }
            let routes = [
                Configuration.route("many", "100-199", upstream, more: "connections: 3"),
                Configuration.route("old", "200", legacy, more: "legacy: true"),
            ]
            try withGateway(Configuration(routes: routes, gateway: ["esID: 12"])) { gateway in
                // Nobody has sent a packet yet; later, an upstream with three connections may read a packet of the second before this.
                let first = try obtain("SESSION_CLOSED without any packet") { upstream.arrivals.first?.packet }
                let clients = try gateway.clients(12)
                for client in clients { try client.send(Packet(100), Packet(200)) }
                _ = try upstream.packets(12)
                #expect(first.control == .sessionClosed && first.header.session == 0 && first.header.es == 12)
                #expect(try first.read(SessionClosed.self).code == Code.lost.rawValue)
                try upstream.goDown()
                upstream.goUp()
                _ = try obtain("three new connections", within: .seconds(20)) { upstream.connections.count == 6 ? () : nil }
                try gateway.eventuallyMetric("links_open", ["side": "route"], within: .seconds(20)) { $0 == 4 }
                for client in clients { try client.send(Packet(100)) }
                _ = try upstream.packets(24)
                #expect(upstream.controls(.sessionClosed).count == 1)
                #expect(try legacy.packets(12).count == legacy.arrivals.count)
            }
        }

        @Test("S12: an upstream that comes up late hears it first too; two routes to one address hear it once")
        func late() throws {
            let upstream = try UpstreamServer(.record, up: false)
            defer { upstream.stop() }
            let routes = [("a", "100-199"), ("b", "200-299")].map { Configuration.route($0, $1, upstream, more: "waitForPeer: 20s") }
            try withGateway(Configuration(routes: routes)) { gateway in
                let client = try gateway.client()
                try client.send(Packet(100), Packet(200))
                try client.expectNothing()
                upstream.goUp()
                _ = try upstream.packets(2, within: .seconds(20))
                let notices = upstream.arrivals.filter { $0.packet.control == .sessionClosed }
                #expect(notices.map(\.packet.header.session) == [0])
                let first = upstream.arrivals.first { $0.connection == notices.first?.connection }
                #expect(first?.packet.control == .sessionClosed, "a packet came before it")
            }
        }
    }
}
