import Operate
import Testing

@Suite("Configuration: warnings")
struct WarningTests {
    private func warnings(_ text: String, _ overrides: [String] = [], environment: [String: String] = [:]) throws -> [String] {
        try loadConfiguration(text, overrides, environment: environment).get().warnings
    }

    @Test("S9: `verify: pass` is warned about beyond loopback, and with routes that are not legacy")
    func verifyPass() throws {
        let text = """
            gateway:
              listen: 0.0.0.0:7000
              verify: pass
              routes:
                - { name: old, types: 1, to: [a:1], legacy: true }
                - { name: chat, types: 2, to: [a:1] }
            """
        let unsafe =
            "edge.yaml:3:11: gateway.verify: pass lets every client that can reach 0.0.0.0:7000 claim any user; "
            + "use strict unless the old servers check tokens themselves"
        let notLegacy =
            "edge.yaml:6:15: gateway.routes[1].name: route \"chat\" is not legacy: `verify: pass` sends it User_id and Token 0 until a BIND"
        #expect(try warnings(text) == [unsafe, notLegacy])
        #expect(try warnings(text, ["gateway.listen=127.0.0.1:7000"]) == [notLegacy])
        #expect(try warnings(text, ["gateway.verify=stamp"]) == [])
    }

    @Test("An admin server beyond loopback without a token")
    func openAdmin() throws {
        let expected = "edge.yaml:4:18: admin.listen: 0.0.0.0:9090 can be reached from other machines and asks for no token; add `token: env:NAME`"
        #expect(try warnings("\(Documents.small)\nadmin: { listen: 0.0.0.0:9090 }") == [expected])
        #expect(try warnings("\(Documents.small)\nadmin: { listen: 0.0.0.0:9090, token: env:T }", environment: ["T": "t"]) == [])
        #expect(try warnings("\(Documents.small)\nadmin: { listen: 127.0.0.1:9090 }") == [])
    }

    @Test("A configuration that does nothing")
    func nothing() throws {
        #expect(try warnings("") == ["edge.yaml:1:1: no role is configured, so nothing will run; add `gateway:`"])
        #expect(
            try warnings("gateway: { listen: a:1 }") == ["edge.yaml:1:1: gateway.routes: there is no route: every packet will be answered noRoute"])
        #expect(try warnings(Documents.small) == [])
    }

    @Test("What goes over hubs is warned about when there are none")
    func hubs() throws {
        let text = "gateway:\n  listen: 127.0.0.1:7000\n  routes:\n    - { name: game, types: 1, hubs: true }\n  default: hubs"
        let lines = try warnings(text)
        #expect(lines.count == 2)
        #expect(lines.allSatisfy { $0.hasSuffix("there is no `gateway.hubs`: packets of these types will be answered noPeer") })
        #expect(try warnings("\(text)\n  hubs: { to: [127.0.0.1:7200] }") == [])
    }
}
