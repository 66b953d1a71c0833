import Foundation
import Testing
import Wire

extension SystemTests {
    /// SIGHUP (rule S26).
    @Suite struct ReloadTests {
        @Test("S26: an unchanged file is reloaded, and live clients are untouched")
        func unchanged() throws {
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream)) { gateway in
                let client = try gateway.clients(1)[0]
                gateway.signal(SIGHUP)
                try gateway.logLine("configuration reloaded")
                #expect(try client.exchange(Packet(100, "untouched")).text == "untouched")
                #expect(upstream.connections.count == 1)
            }
        }

        @Test("S26: a broken file changes nothing, and one log line says what `check` would print")
        func broken() throws {
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            let configuration = Configuration(to: upstream)
            try withGateway(configuration) { gateway in
                let client = try gateway.clients(1)[0]
                try gateway.file.write(configuration.yaml + "  rotes: []\n")
                let line = configuration.yaml.split(separator: "\n").count + 1
                gateway.signal(SIGHUP)
                try gateway.logLine("\(gateway.file.path):\(line):3:")
                #expect(try client.exchange(Packet(100, "untouched")).text == "untouched")
                #expect(gateway.child.errors.count { $0.contains(gateway.file.path) } == 1)
                #expect(!gateway.child.errors.contains { $0.contains("configuration reloaded") })
                #expect(upstream.connections.count == 1)
                try gateway.file.write(configuration.yaml)
                gateway.signal(SIGHUP)
                try gateway.logLine("configuration reloaded")
            }
        }

        // MARK: - What changes while it runs

        private func reload(_ gateway: SwitchyardProcess, _ configuration: Configuration) throws {
            let before = try gateway.metrics()["config_version", [:]]
            try gateway.file.write(configuration.yaml)
            gateway.signal(SIGHUP)
            try gateway.eventuallyMetric("config_version") { $0 == before + 1 }
        }

        @Test("S26: public types, limits and the log's level change for clients that are connected, who stay")
        func values() throws {
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            var configuration = Configuration(to: upstream)
            try withGateway(configuration) { gateway in
                let client = try gateway.client()
                #expect(try client.exchange(Packet(100, "before")).text == "before")
                configuration.gateway = ["publicTypes: [150-199]", "limits: { packetsPerSecond: 2, connections: 1 }"]
                configuration.top = ["log: { level: error }"]
                try reload(gateway, configuration)
                try client.send(Packet(100, "not public any more"))
                try client.expectUndelivered(.unauthorized, of: 100)
                #expect(try client.exchange(Packet(150, "public")).text == "public")
                // Fifty at once cannot be two a second.
                try client.send((0..<50).map { Packet(150, from: 1, number: $0) })
                let answers = try client.receive(50)
                let refused = answers.compactMap { try? $0.read(Undelivered.self) }
                #expect(refused.contains { $0.code == Code.rateLimited.rawValue })
                let second = try gateway.client()
                try second.expectReject(.rateLimited)
                #expect(!gateway.child.errors.contains { $0.contains("configuration reloaded") }, "level info is not logged any more")
                configuration.gateway = ["tellClients: false"]
                try reload(gateway, configuration)
                try client.send(Packet(7, "no route, and no word about it"))
                try client.expectNothing()
                #expect(upstream.connections.count == 1)
            }
        }

        @Test("S26: types move to a new route, a removed one drains, and what it is asked for then is answered")
        func routes() throws {
            let (first, second) = (try UpstreamServer(.echo), try UpstreamServer(.echo))
            defer {
                first.stop()
                second.stop()
            }
            let one = Configuration.route("one", "100-199", first)
            try withGateway(Configuration(routes: [one])) { gateway in
                let client = try gateway.client()
                #expect(try client.exchange(Packet(100, "to the first")).text == "to the first")
                try reload(gateway, Configuration(routes: [one, Configuration.route("two", "200-299", second)]))
                #expect(try client.exchange(Packet(200, "to the second")).text == "to the second")
                #expect(first.connections.count == 1 && first.controls(.drain).isEmpty)
                try reload(gateway, Configuration(routes: [Configuration.route("two", "200-299", second)]))
                try client.send(Packet(100, "nowhere"))
                try client.expectUndelivered(.noRoute, of: 100)
                _ = try first.controls(.drain, 1)
                try eventually("the removed route's connection is closed") { first.live.isEmpty }
                try reload(gateway, Configuration(routes: [Configuration.route("two", "100-299", second)]))
                #expect(try client.exchange(Packet(100, "to the second now")).text == "to the second now")
                #expect(second.connections.count == 1, "the route that stayed kept its connection")
                #expect(try gateway.metrics()["packets_total", ["route": "two", "direction": "in"]] == 2)
            }
        }

        @Test("S26: an upstream that is added gets its share, one that is removed gets nothing new and loses nothing")
        func addresses() throws {
            let (first, second) = (try UpstreamServer(.echo), try UpstreamServer(.echo))
            defer {
                first.stop()
                second.stop()
            }
            try withGateway(Configuration(routes: [Configuration.route("echo", "100-199", first)])) { gateway in
                let clients = try gateway.clients(32)
                for client in clients { #expect(try client.exchange(Packet(100, "one upstream")).text == "one upstream") }
                try reload(gateway, Configuration(routes: [Configuration.route("echo", "100-199", first, second)]))
                for client in clients { #expect(try client.exchange(Packet(101, "two")).text == "two") }
                let share = second.packets.count
                #expect(share > 0 && share < 32, "its share: \(share)")
                #expect(first.connections.count == 1)
                // On its way while the first leaves: all of it is answered.
                for client in clients { try client.send((0..<20).map { Packet(102, from: 1, number: $0) }) }
                try reload(gateway, Configuration(routes: [Configuration.route("echo", "100-199", second)]))
                for client in clients { #expect(try client.receive(20).allSatisfy { $0.header.type == 102 }) }
                try eventually("the removed upstream's connection is closed") { first.live.isEmpty }
                let before = first.packets.count
                for client in clients { #expect(try client.exchange(Packet(103, "one again")).text == "one again") }
                #expect(first.packets.count == before && second.connections.count == 1)
            }
        }

        @Test("S26: the servers of a route that goes another way hear of the end of a session that they know")
        func replaced() throws {
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream)) { gateway in
                let one = try gateway.introduced(to: upstream)
                _ = try one.client.receive()
                try reload(gateway, Configuration(to: upstream, "connections: 2"))
                try eventually("two new connections, the old one gone") { upstream.live.map(\.index).sorted() == [1, 2] }
                one.client.leave()
                try eventually("SESSION_CLOSED") { upstream.controls(.sessionClosed).contains { $0.header.session == one.session } }
            }
        }

        @Test("S26: what cannot change is named, counted, and nothing else of the file is taken over")
        func refused() throws {
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            var configuration = Configuration(to: upstream)
            try withGateway(configuration) { gateway in
                let client = try gateway.client()
                configuration.gateway = ["esID: 2", "publicTypes: [0-9]"]
                try gateway.file.write(configuration.yaml)
                gateway.signal(SIGHUP)
                try gateway.logLine("gateway.esID: cannot change from 1 to 2 while running")
                try gateway.eventuallyMetric("config_reloads_total", ["result": "refused"]) { $0 == 1 }
                #expect(try gateway.metrics()["config_version", [:]] == 1)
                #expect(try client.exchange(Packet(100, "as before")).text == "as before")
            }
        }

        @Test("S26: the admin token changes while the process runs, and /config shows what it goes by now")
        func adminToken() throws {
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            var configuration = Configuration(to: upstream)
            configuration.admin = "{ listen: 127.0.0.1:0, token: env:SWITCHYARD_TEST_TOKEN }"
            let environment = ["SWITCHYARD_TEST_TOKEN": "hunter2", "SWITCHYARD_OTHER_TOKEN": "swordfish"]
            try withGateway(configuration, environment: environment) { gateway in
                configuration.admin = "{ listen: 127.0.0.1:0, token: env:SWITCHYARD_OTHER_TOKEN }"
                configuration.gateway = ["heartbeat: 7s"]
                try gateway.file.write(configuration.yaml)
                #expect(try gateway.post("/reload").body == "configuration reloaded\n")
                #expect(try gateway.get("/config", headers: ["Authorization: Bearer hunter2"]).status == 401)
                let shown = try gateway.get("/config?format=yaml", headers: ["Authorization: Bearer swordfish"])
                #expect(shown.status == 200 && shown.body.contains("heartbeat: 7s"))
            }
        }
    }
}
