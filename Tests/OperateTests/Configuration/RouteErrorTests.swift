import Testing

@Suite("Configuration: routes and hubs that do not fit")
struct RouteErrorTests {
    /// A gateway whose first route is `chat`, types 100 to 199, in line 4; the tested one is in line 5.
    private func gateway(_ route: String, _ rest: String = "") -> String {
        "gateway:\n  listen: 127.0.0.1:7000\n  routes:\n    - { name: chat, types: [100-199], to: [10.0.0.1:7100] }\n    - \(route)\n\(rest)"
    }

    @Test(
        "One route by itself",
        arguments: [
            ("{ types: 1, to: [a:1] }", "5:7: gateway.routes[1].name: is missing; needs a name"),
            ("{ name: a, to: [a:1] }", "5:7: gateway.routes[1].types: is missing; needs packet types, as in [7, 100-199]"),
            ("{ name: hubs, types: 1, to: [a:1] }", "5:15: gateway.routes[1].name: \"hubs\" is reserved; give the route another name"),
            ("{ name: none, types: 1, to: [a:1] }", "5:15: gateway.routes[1].name: \"none\" is reserved; give the route another name"),
            ("{ name: a, types: 1 }", "5:7: gateway.routes[1].to: is missing; a route needs `to: [host:port, ...]` or `hubs: true`"),
            ("{ name: a, types: 1, hubs: false }", "5:7: gateway.routes[1].to: is missing; a route needs `to: [host:port, ...]` or `hubs: true`"),
            ("{ name: a, types: 1, to: [] }", "5:32: gateway.routes[1].to: is empty; needs at least one: [an address, ...]"),
            ("{ name: a, types: 1, to: a:1 }", "5:32: gateway.routes[1].to: needs a list, not a single value: [an address, ...]"),
            ("{ name: a, types: 1, to: [a:0] }", "5:33: gateway.routes[1].to: \"a:0\" has port 0, which cannot be dialed; use 1 to 65535"),
            ("{ name: a, types: 1, to: [a:1, a:1] }", "5:38: gateway.routes[1].to: a:1 stands there twice"),
            (
                "{ name: a, types: 65280-65281, to: [a:1] }",
                "5:25: gateway.routes[1].types: 65280-65281 reaches into the control types; application types are 0 to 65279"
            ),
            (
                "{ name: a, types: 1, to: [a:1], connections: 0 }",
                "5:52: gateway.routes[1].connections: 0 could mean none or unlimited; use 1 to 1024"
            ),
            (
                "{ name: a, types: 1, to: [a:1], waitForPeer: 0s }",
                "5:52: gateway.routes[1].waitForPeer: 0s could mean none or unlimited; use 1ms to 1440m"
            ),
            ("{ name: a, types: 1, to: [a:1], waitBytes: unlimited }", "5:50: gateway.routes[1].waitBytes: cannot be unlimited; use 1 to 1024GiB"),
            ("chat", "5:7: gateway.routes[1]: needs a section of keys, not a single value"),
        ])
    func single(route: String, expected: String) {
        #expect(configurationErrors(gateway(route)) == ["edge.yaml:\(expected)"])
    }

    @Test("Names of routes differ")
    func duplicateName() {
        #expect(
            configurationErrors(gateway("{ name: chat, types: 1, to: [a:1] }")) == [
                "edge.yaml:5:15: gateway.routes[1].name: \"chat\" is the name of two routes; names must differ"
            ])
    }

    @Test("Overlapping type sets name both routes and the type")
    func overlap() {
        #expect(
            configurationErrors(gateway("{ name: old, types: [1, 150-250], to: [a:1] }")) == [
                "edge.yaml:5:27: gateway.routes[1].types: type 150 is in route \"chat\" and in route \"old\"; a type has one route"
            ])
    }

    private static let onlyWithTo = "makes sense with `to` only; links to hubs are the gateway's own, in `gateway.hubs`"

    @Test(
        "What makes no sense on a route over the hubs",
        arguments: [
            ("to: [a:1]", "to: a route has either `to` or `hubs: true`, not both"), ("legacy: true", "legacy: \(onlyWithTo)"),
            ("connections: 2", "connections: \(onlyWithTo)"), ("wire: { length: body }", "wire: \(onlyWithTo)"),
        ])
    func hubsOnly(extra: String, expected: String) {
        let text = gateway("{ name: game, types: 1, hubs: true, \(extra) }", "  hubs: { to: [10.0.0.9:7200] }")
        #expect(configurationErrors(text) == ["edge.yaml:5:43: gateway.routes[1].\(expected)"])
    }

    @Test("Hubs have addresses")
    func hubsMissing() {
        #expect(configurationErrors("\(Documents.small)\n  hubs: {}") == ["edge.yaml:4:3: gateway.hubs.to: is missing; needs a list of addresses"])
        #expect(
            configurationErrors("\(Documents.small)\n  hubs: { to: [] }") == [
                "edge.yaml:4:15: gateway.hubs.to: is empty; needs at least one: [an address, ...]"
            ])
    }

    @Test("`default` names a route that exists")
    func defaultRoute() {
        #expect(
            configurationErrors("\(Documents.small)\n  default: chats") == [
                "edge.yaml:4:12: gateway.default: there is no route \"chats\"; did you mean `chat`?"
            ])
        #expect(
            configurationErrors("\(Documents.small)\n  default: everything") == [
                "edge.yaml:4:12: gateway.default: there is no route \"everything\"; use a route's name, hubs or none"
            ])
    }
}
