import Switchyard

/// The pieces of Swift that `docs/library.md` shows, as its readers would write them. ``DocumentationTests`` compares.
enum Snippets {
    static func echo() async throws {
        try await PacketServer(listen: .host("127.0.0.1", port: 7100)) { router in
            router.otherwise { packet, _ in packet }
        }.runUntilSignal()
    }

    struct Store: Sendable {
        func save(_ text: String, for user: UInt64) async throws {}
    }

    static func handlers(_ store: Store) -> PacketRouter {
        var router = PacketRouter()
        router.on(100...199) { packet, connection in
            guard connection.user != 0 else { throw PacketRefusal(.unauthorized, "log in first") }
            try await store.save(packet.text, for: connection.user)
            return Packet(type: packet.type, text: "saved")
        }
        router.inline(7) { packet, _ in packet }
        router.inline(8) { packet in try packet.reply() }
        router.onClosed { connection, code in print("\(connection) has ended: \(Code.name(of: code))") }
        return router
    }

    static func pushing(_ connection: PacketConnection, _ server: PacketServer, _ room: [PacketConnection]) {
        connection.push(Packet(type: 150, text: "to this session"))
        server.push(Packet(type: 150, text: "to every session of the user"), toUser: 42)
        server.multicast(Packet(type: 150, text: "to these sessions"), to: room)
        server.multicast(Packet(type: 150, text: "to everyone who is logged in"))
        connection.bind(user: 42, token: 7)
        connection.kick(.unauthorized, reason: "no more")
    }

    static func settings() throws -> PacketServerSettings {
        var settings = PacketServerSettings(listen: .host("0.0.0.0", port: 7000), peers: .clients)
        settings.limits.packetsPerSecond = 200
        settings.publicTypes = TypeSet([1...1])
        settings.access.tls = ListenerTLS(certificate: "server.pem", key: "server.key")
        settings.access.deny = [try AddressRange("192.0.2.0/24")]
        return settings
    }

    static func sharing(_ settings: PacketServerSettings, _ hubs: ServiceLinkSettings, _ handlers: (inout PacketRouter) -> Void) {
        let lanes = Lanes(threads: 16)
        let server = PacketServer(settings, lanes: lanes, handlers: handlers)
        let link = ServiceLink(hubs, lanes: lanes, handlers: handlers)
        _ = (server, link)
    }

    static func agent(_ token: String) async throws {
        var settings = AgentSettings(hubs: [.host("10.0.0.8", port: 7401), .host("10.0.0.9", port: 7401)], rpcIDs: [1...1, 10...19])
        settings.token = Array(token.utf8)
        let agent = RPCHubAgent(settings) { request in
            guard request.type == 7 else { throw RPCError(.badRequest, "type \(request.type) is not served") }
            return ProtoReply(type: request.type, text: request.text.uppercased())
        }
        try await agent.run()
    }

    static func caller(_ token: String) async throws {
        var settings = CallerSettings(hubs: [.host("10.0.0.8", port: 7400), .host("10.0.0.9", port: 7400)])
        settings.token = Array(token.utf8)
        let caller = RPCHubCaller(settings)
        try await caller.start()
        let reply = try await caller.call(rpcID: 1, request: ProtoRequest(type: 7, text: "hello", shardingID: 42), timeout: .seconds(2))
        try await caller.send(rpcID: 1, request: ProtoRequest(type: 7, text: "nobody waits for this"))
        await caller.stop()
        print(reply.text)
    }
}
