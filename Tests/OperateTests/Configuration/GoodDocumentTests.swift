import Gateway
import Links
import Logging
import NIOCore
import Operate
import Routing
import Sessions
import Testing
import Wire

@Suite("Configuration: documents that load")
struct GoodDocumentTests {
    @Test("The documented example says what it says")
    func fullExample() throws {
        let loaded = try loadConfiguration(Documents.full, environment: Documents.tokens).get()
        #expect(loaded.warnings == [])
        let settings = loaded.settings
        #expect(settings.name == "edge-1")
        #expect(settings.loops == 2)
        #expect(settings.laneThreads == 64)
        #expect(settings.memory == 2 << 30)
        #expect(settings.log.level == .info)
        #expect(settings.log.format == .text)
        #expect(settings.drainTimeout == .seconds(30))
        #expect(settings.admin?.listen == .host("127.0.0.1", port: 9090))
        #expect(settings.admin?.token?.value == "open-sesame")
        #expect(settings.gatewayHubs == .init(to: [.host("10.0.0.9", port: 7200)], token: Secret(value: "shibboleth", source: "env:HUB_TOKEN")))

        var expected = GatewaySettings(listen: .host("0.0.0.0", port: 7000))
        expected.publicTypes = TypeSet([0...99])
        expected.limits.packetsPerSecond = 200
        expected.limits.bytesPerSecond = 256 << 10
        let chat = GatewaySettings.Route(
            name: "chat", types: TypeSet([100...199]), to: [.host("10.0.0.1", port: 7100), .host("10.0.0.2", port: 7100)])
        var old = GatewaySettings.Route(name: "old", types: TypeSet([200...299]), to: [.host("10.0.0.3", port: 7100)])
        old.legacy = true
        old.wire = WireFormat(byteOrder: .little, length: .body)
        var game = GatewaySettings.Route(name: "game", types: TypeSet([1000...4095]), hubs: true)
        game.waitForPeer = .seconds(2)
        expected.routes = [chat, old, game]
        expected.defaultRoute = .hubs
        #expect(settings.gateway == expected)
    }

    @Test("S16: an absent value is the documented default")
    func defaults() throws {
        let settings = try loadConfiguration(Documents.small).get().settings
        #expect(settings.name == "host-7")
        #expect(settings.loops == 3)
        #expect(settings.laneThreads == 64)
        #expect(settings.memory == 4 << 30, "half of the machine")
        #expect(settings.log == .init())
        #expect(settings.drainTimeout == .seconds(30))
        #expect(settings.admin == nil)
        #expect(settings.gatewayHubs == nil)
        let gateway = try #require(settings.gateway)
        #expect(gateway.esID == 1)
        #expect(gateway.cluster == 1)
        #expect(gateway.wire == .standard)
        #expect(gateway.verify == .strict)
        #expect(gateway.publicTypes == .applicationTypes)
        #expect(gateway.tellClients)
        #expect(gateway.limits.connections == 100_000)
        #expect(gateway.limits.perAddress == nil)
        #expect(gateway.limits.packetsPerSecond == nil)
        #expect(gateway.limits.bytesPerSecond == nil)
        #expect(gateway.limits.maxPending == 1 << 20)
        #expect(gateway.limits.handshake == .seconds(5))
        #expect(gateway.limits.idle == .seconds(120))
        #expect(gateway.defaultRoute == .none)
        #expect(gateway.heartbeat == .seconds(10))
        let route = try #require(gateway.routes.first)
        #expect(route.connections == 1)
        #expect(route.waitForPeer == nil)
        #expect(route.waitBytes == 1 << 20)
        #expect(route.highWater == 1 << 20)
    }

    @Test("S16: `unlimited` is unlimited")
    func unlimited() throws {
        let limits = try limits("{ connections: unlimited, perAddress: unlimited, packetsPerSecond: unlimited, bytesPerSecond: unlimited }")
        #expect(limits.connections == nil)
        #expect(limits.perAddress == nil)
        #expect(limits.packetsPerSecond == nil)
        #expect(limits.bytesPerSecond == nil)
    }

    @Test("Durations", arguments: [("250ms", TimeAmount.milliseconds(250)), ("10s", .seconds(10)), ("2m", .minutes(2)), ("1440m", .hours(24))])
    func durations(text: String, expected: TimeAmount) throws {
        #expect(try limits("{ idle: \(text) }").idle == expected)
    }

    @Test("Sizes", arguments: [("64KiB", 64 << 10), ("1MiB", 1 << 20), ("2GiB", 2 << 30), ("1000", 1000), ("1", 1)])
    func sizes(text: String, expected: Int) throws {
        #expect(try limits("{ maxPending: \(text) }").maxPending == expected)
    }

    @Test(
        "Sets of types",
        arguments: [
            ("7", [ClosedRange<UInt16>]([7...7])), ("100-199", [100...199]), ("[7]", [7...7]), ("[100-199, 3, 1-2]", [1...3, 100...199]),
            ("[0-65279]", [0...65279]), ("'7'", [7...7]), ("\n    - 7\n    - 9-10", [7...7, 9...10]),
        ])
    func typeSets(text: String, expected: [ClosedRange<UInt16>]) throws {
        let settings = try loadConfiguration("gateway:\n  listen: 127.0.0.1:0\n  publicTypes: \(text)").get().settings
        #expect(settings.gateway?.publicTypes == TypeSet(expected))
    }

    @Test(
        "Addresses",
        arguments: [
            ("127.0.0.1:7000", Endpoint.host("127.0.0.1", port: 7000)), ("edge.example.org:0", .host("edge.example.org", port: 0)),
            ("'[::1]:7000'", .host("::1", port: 7000)), ("unix:/run/edge.sock", .unix(path: "/run/edge.sock")),
        ])
    func addresses(text: String, expected: Endpoint) throws {
        #expect(try loadConfiguration("gateway: { listen: \(text) }").get().settings.gateway?.listen == expected)
    }

    @Test(
        "Numbers, words and empty sections in every documented form",
        arguments: [
            "gateway: { listen: 127.0.0.1:1, esID: 0xFFFFFFFE, cluster: 4294967295 }", "gateway: { listen: 127.0.0.1:1, verify: stamp }",
            "gateway: { listen: 127.0.0.1:1, tellClients: false, default: none }", "log: { level: trace, format: json }",
            "log:\ngateway: { listen: a:1, limits: }",
            "gateway:\n  listen: a:1\n  routes:\n    # - none yet", "%YAML 1.1\n---\nname: 'yes'\n...\n", "{\"name\": \"json\", \"loops\": 1}", "",
            "# nothing\n",
            "gateway:\n  listen: a:1\n  routes:\n    - { name: hub, types: 1, hubs: false, to: [a:1, b:1], waitForPeer: 1ms }\n  default: hub",
            "\u{FEFF}name: with-byte-order-mark\r\nloops: 1\r\n", "gateway: { listen: a:1, limits: &l { idle: 1s } }",
            "admin: { listen: 127.0.0.1:0 }\ngateway: { listen: 127.0.0.1:0 }",
        ])
    func loads(text: String) throws {
        _ = try loadConfiguration(text).get()
    }

    private func limits(_ text: String) throws -> GatewaySettings.Limits {
        try #require(try loadConfiguration("gateway: { listen: 127.0.0.1:7000, limits: \(text) }").get().settings.gateway).limits
    }
}
