import Operate
import Testing

@Suite("Configuration: what is wrong with a document as such")
struct SyntaxErrorTests {
    @Test(
        "S27: a syntax error is one line at its position",
        arguments: [
            ("name: a: b", "edge.yaml:1:8: not YAML: mapping values are not allowed in this context"),
            (
                "name: edge\n\tloops: 1",
                "edge.yaml:2:1: not YAML: found a tab character that violates indentation (while scanning a plain scalar at line 1)"
            ),
            ("name: edge\nlog: { level: info", "edge.yaml:3:1: not YAML: did not find expected ',' or '}' (while parsing a flow mapping at line 2)"),
            (
                "gateway:\n  listen: [::1]:7000",
                "edge.yaml:2:12: not YAML: did not find expected node content (while parsing a flow node at line 2); an IPv6 address needs quotes: '[::1]:7000'"
            ),
            ("name: *edge", "edge.yaml:1:7: not YAML: found undefined alias"),
            ("name: a\n---\nname: b", "edge.yaml:2:1: not YAML: but found another document"),
            ("name: a\nlog: \u{1}", "edge.yaml:2:6: not YAML: control characters are not allowed"),
        ])
    func syntax(text: String, expected: String) {
        #expect(configurationErrors(text) == [expected])
    }

    @Test(
        "A document that is no section, and keys that are no words",
        arguments: [
            ("- a", "edge.yaml:1:1: needs a section of keys, not a list"), ("edge", "edge.yaml:1:1: needs a section of keys, not a single value"),
            ("? [a]\n: b", "edge.yaml:1:3: a key must be a single word, not a list or a section"),
        ])
    func shape(text: String, expected: String) {
        #expect(configurationErrors(text) == [expected])
    }

    @Test("Duplicate keys are all found, each at its second place, with every other error")
    func duplicates() {
        let text = """
            name: a
            gateway:
              listen: 127.0.0.1:7000
              "listen": 127.0.0.1:7001
              limits: { idle: 1s, maxPending: 1MiB, idle: 2s, idle: 3s }
              esID: 0
            name: b
            """
        #expect(
            configurationErrors(text) == [
                "edge.yaml:4:3: gateway.listen: duplicate key; it stands in line 3 too",
                "edge.yaml:5:41: gateway.limits.idle: duplicate key; it stands in line 5 too",
                "edge.yaml:5:51: gateway.limits.idle: duplicate key; it stands in line 5 too",
                "edge.yaml:6:9: gateway.esID: 0 is out of range; use 1 to 4294967294",
                "edge.yaml:7:1: name: duplicate key; it stands in line 1 too",
            ])
    }

    @Test("Aliases that multiply are refused before they fill the memory")
    func aliasBomb() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...8 { text += "a\(level): &a\(level) [\(Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", "))]\n" }
        let lines = configurationErrors(text)
        #expect(lines.count == 1)
        #expect(lines.first?.hasSuffix(": over 100000 values; aliases count as what they stand for") == true)
    }

    @Test(
        "Unknown keys, with the nearest known one",
        arguments: [
            ("gatewy: {}", "edge.yaml:1:1: gatewy: unknown key; did you mean `gateway`?"),
            ("log: { Level: info }", "edge.yaml:1:8: log.Level: unknown key; did you mean `level`?"),
            ("log: { colour: red }", "edge.yaml:1:8: log.colour: unknown key; known here: level, format"),
            ("gateway:\n  listen: a:1\n  esid: 1", "edge.yaml:3:3: gateway.esid: unknown key; did you mean `esID`?"),
            (
                "gateway:\n  listen: a:1\n  routes: [{ name: a, type: 1, types: 1, to: [a:1] }]",
                "edge.yaml:3:23: gateway.routes[0].type: unknown key; did you mean `types`?"
            ),
            ("gateway:\n  listen: a:1\n  hubs: { to: [a:1], tokn: env:A }", "edge.yaml:3:22: gateway.hubs.tokn: unknown key; did you mean `token`?"),
        ])
    func unknownKeys(text: String, expected: String) {
        #expect(configurationErrors(text) == [expected])
    }

    @Test("Every error of a document, in file order")
    func fileOrder() {
        let text = """
            loops: 0
            gateway:
              default: chta
              routes:
                - { name: chat, types: [100-199], to: [10.0.0.1:7100] }
                - { name: old, types: [150], to: [10.0.0.3:7100], legacy: maybe }
              speed: 9
              listen: 7000
            memory: lots
            """
        #expect(
            configurationErrors(text) == [
                "edge.yaml:1:8: loops: 0 could mean none or unlimited; use 1 to 64",
                "edge.yaml:3:12: gateway.default: there is no route \"chta\"; use a route's name, hubs or none",
                "edge.yaml:6:27: gateway.routes[1].types: type 150 is in route \"chat\" and in route \"old\"; a type has one route",
                "edge.yaml:6:63: gateway.routes[1].legacy: \"maybe\" is neither true nor false",
                "edge.yaml:7:3: gateway.speed: unknown key; known here: listen, allow, deny, proxyProtocol, tls, esID, cluster, wire, verify, publicTypes, "
                    + "tellClients, limits, routes, default, heartbeat, hubs",
                "edge.yaml:8:11: gateway.listen: \"7000\" is not an address; use host:port, [v6]:port or unix:/path",
                "edge.yaml:9:9: memory: \"lots\" is not a size; use bytes or KiB, MiB, GiB, as in 64KiB",
            ])
    }

    @Test("S27: a file that is missing or no text is one clear line")
    func missingFile() {
        #expect(failure(path: "/nowhere/edge.yaml") == ["/nowhere/edge.yaml: the configuration file is not there"])
        #expect(failure(path: "/") == ["/: the configuration file cannot be read by this user"])
    }

    private func failure(path: String) -> [String] {
        if case .failure(let errors) = ConfigurationLoader.load(path: path, machine: testMachine) { errors.lines } else { [] }
    }
}
