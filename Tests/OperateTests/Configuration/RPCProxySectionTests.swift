import Links
import NIOCore
import Operate
import RPCProxy
import Routing
import Sessions
import Testing
import ThriftLink
import Wire

@Suite("Configuration: the RPC proxy")
struct RPCProxySectionTests {
    /// The documented example: every key, with its default.
    private static let full = """
        rpcProxy:
          listen: 0.0.0.0:7300
          ordered: true
          pipelining: 1024
          maxFrame: 16000KiB
          limits: { connections: 100000, perAddress: unlimited, maxPending: 1MiB }
          routes:
            - name: default
              methods: ["*"]
              to: [10.0.1.1:9100, 10.0.1.2:9100]
              transport: framed
              protocol: binary
              pools: 4
              connections: 8
              inFlight: 1
              balance: leastInFlight
              timeout: 5s
              maxWaiting: 10000
              idempotent: []
              weight: 1
        """

    private func proxy(_ text: String) throws -> RPCProxySettings { try #require(try loadConfiguration(text).get().settings.rpcProxy) }

    /// A proxy whose first route is `all`, in line 4; the tested one is in line 5.
    private func proxy(route: String) -> String {
        "rpcProxy:\n  listen: 127.0.0.1:7300\n  routes:\n    - { name: all, methods: ['*'], to: [10.0.0.1:9100] }\n    - \(route)\n"
    }

    @Test("S16: an absent value is the documented default")
    func defaults() throws {
        var expected = RPCProxySettings(listen: .host("0.0.0.0", port: 7300))
        let to = [Endpoint.host("10.0.1.1", port: 9100), .host("10.0.1.2", port: 9100)]
        expected.routes = [.init(name: "default", methods: ["*"], upstream: UpstreamSettings(to: to))]
        #expect(try proxy(RPCProxySectionTests.full) == expected)
        let short = "rpcProxy: { listen: 0.0.0.0:7300, routes: [{ name: default, methods: ['*'], to: [10.0.1.1:9100, 10.0.1.2:9100] }] }"
        #expect(try proxy(short) == expected)
    }

    @Test("Every key is taken over")
    func everyKey() throws {
        let text = """
            rpcProxy:
              listen: unix:/run/rpc.sock
              allow: [10.0.0.0/8]
              deny: 10.9.0.0/16
              proxyProtocol: [10.1.1.1]
              ordered: false
              pipelining: 5
              maxFrame: 1MiB
              limits: { connections: unlimited, perAddress: 3, maxPending: 64KiB }
              routes:
                - { name: a, methods: [say, "chat:hear"], to: [h:1], transport: header, protocol: compact, pools: 1, connections: 2, inFlight: 99,
                    balance: hash, timeout: 1500ms, maxWaiting: 7, idempotent: [hear], weight: 19 }
            """
        let settings = try proxy(text)
        #expect(settings.door.options.allow.count == 1)
        #expect(settings.door.options.deny.count == 1)
        #expect(settings.door.options.proxyProtocol.count == 1)
        #expect(!settings.door.ordered)
        #expect(settings.door.pipelining == 5)
        #expect(settings.door.maxFrame == 1 << 20)
        #expect(settings.door.limits.connections == nil)
        #expect(settings.door.limits.perAddress == 3)
        #expect(settings.door.limits.maxPending == 64 << 10)
        var upstream = UpstreamSettings(to: [.host("h", port: 1)])
        upstream.transport = .header
        upstream.protocol = .compact
        upstream.pools = 1
        upstream.connections = 2
        upstream.inFlight = 99
        upstream.balance = .hash
        upstream.timeout = .milliseconds(1500)
        upstream.maxWaiting = 7
        upstream.maxFrame = 1 << 20
        var route = RPCProxySettings.Route(name: "a", methods: ["say", "chat:hear"], upstream: upstream)
        route.idempotent = ["hear"]
        route.weight = 19
        #expect(settings.routes == [route])
        let all = try loadConfiguration(text).get().settings
        let printed = try loadConfiguration(EffectiveConfiguration.yaml(of: all)).get().settings
        #expect(printed == all)
    }

    @Test(
        "What cannot be",
        arguments: [
            ("{ name: a, to: [a:1] }", "5:7: rpcProxy.routes[1].methods: is missing; needs method names, as in [\"*\"] or [login, chat:say]"),
            ("{ name: a, methods: [b] }", "5:7: rpcProxy.routes[1].to: is missing; a route needs `to: [host:port, ...]`"),
            ("{ name: none, methods: [b], to: [a:1] }", "5:15: rpcProxy.routes[1].name: \"none\" is reserved; give the route another name"),
            ("{ name: all, methods: [b], to: [a:1] }", "5:15: rpcProxy.routes[1].name: \"all\" is the name of two routes; names must differ"),
            (
                "{ name: a, methods: [b, '*'], to: [a:1] }",
                "5:27: rpcProxy.routes[1].methods: \"*\" is in route \"all\" and route \"a\"; only routes with equal methods share calls"
            ),
            ("{ name: a, methods: [b, b], to: [a:1] }", "5:31: rpcProxy.routes[1].methods: \"b\" stands there twice"),
            (
                "{ name: a, methods: [b], to: [a:1], transport: http }",
                "5:54: rpcProxy.routes[1].transport: \"http\" is not one of framed, unframed, header"
            ),
            (
                "{ name: a, methods: [b], to: [a:1], protocol: binaryOld }",
                "5:53: rpcProxy.routes[1].protocol: \"binaryOld\" is not one of binary, compact"
            ),
            (
                "{ name: a, methods: [b], to: [a:1], inFlight: 0 }",
                "5:53: rpcProxy.routes[1].inFlight: 0 could mean none or unlimited; use 1 to 32768"
            ),
            (
                "{ name: a, methods: [b], to: [a:1], weight: 0 }",
                "5:51: rpcProxy.routes[1].weight: 0 could mean none or unlimited; use 1 to 1000"
            ),
            (
                "{ name: a, methods: [b], to: [a:1], tls: { certificate: /nowhere } }",
                "5:43: rpcProxy.routes[1].tls.key: is missing; `certificate` needs it"
            ),
        ])
    func errors(route: String, expected: String) {
        #expect(configurationErrors(proxy(route: route)) == ["edge.yaml:\(expected)"])
    }

    @Test("Routes with equal methods share calls by weight; a proxy without routes is warned about")
    func sharing() throws {
        #expect(try proxy(proxy(route: "{ name: canary, methods: ['*'], to: [a:1], weight: 19 }")).routes.map(\.weight) == [1, 19])
        #expect(
            try loadConfiguration("rpcProxy: { listen: 127.0.0.1:1 }").get().warnings == [
                "edge.yaml:1:1: rpcProxy.routes: there is no route: every call will be answered noRoute"
            ])
    }
}
