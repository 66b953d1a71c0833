import Testing

@Suite("Configuration: values that do not fit")
struct ValueErrorTests {
    @Test(
        "Wrong types",
        arguments: [
            ("loops: many", "edge.yaml:1:8: loops: \"many\" is not a number; use 1 to 64"),
            ("loops: '2'", "edge.yaml:1:8: loops: \"2\" is not a number; use 1 to 64"),
            ("loops: 1.5", "edge.yaml:1:8: loops: \"1.5\" is not a number; use 1 to 64"),
            ("loops: [2]", "edge.yaml:1:8: loops: needs a number, not a list"),
            ("loops:", "edge.yaml:1:7: loops: has no value; needs a number"),
            ("name: { a: b }", "edge.yaml:1:7: name: needs a name, not a section"),
            ("name: ''", "edge.yaml:1:7: name: \"\" is not a name; use 1 to 255 bytes without control characters"),
            ("log: info", "edge.yaml:1:6: log: needs a section of keys, not a single value"),
            ("log: { level: loud }", "edge.yaml:1:15: log.level: \"loud\" is not one of trace, debug, info, notice, warning, error, critical"),
            ("log: { format: xml }", "edge.yaml:1:16: log.format: \"xml\" is not one of text, json"),
            ("drainTimeout: 30", "edge.yaml:1:15: drainTimeout: \"30\" is not a duration; use ms, s or m, as in 250ms, 10s, 2m"),
            ("drainTimeout: 1h", "edge.yaml:1:15: drainTimeout: \"1h\" is not a duration; use ms, s or m, as in 250ms, 10s, 2m"),
            ("memory: 2GB", "edge.yaml:1:9: memory: \"2GB\" is not a size; use bytes or KiB, MiB, GiB, as in 64KiB"),
            ("memory: 99999999999GiB", "edge.yaml:1:9: memory: \"99999999999GiB\" is not a size; use bytes or KiB, MiB, GiB, as in 64KiB"),
            ("admin: { listen: 9090 }", "edge.yaml:1:18: admin.listen: \"9090\" is not an address; use host:port, [v6]:port or unix:/path"),
            ("admin: { listen: 'a b:1' }", "edge.yaml:1:18: admin.listen: \"a b:1\" is not an address; use host:port, [v6]:port or unix:/path"),
            ("admin: { listen: a:65536 }", "edge.yaml:1:18: admin.listen: \"a:65536\" is not an address; use host:port, [v6]:port or unix:/path"),
            ("admin: {}", "edge.yaml:1:1: admin.listen: is missing; needs an address"),
        ])
    func wrongTypes(text: String, expected: String) {
        #expect(configurationErrors(text) == [expected])
    }

    @Test(
        "Wrong types and ranges in the gateway",
        arguments: [
            ("verify: lax", "4:11: gateway.verify: \"lax\" is not one of strict, stamp, pass"),
            ("tellClients: yes", "4:16: gateway.tellClients: \"yes\" is neither true nor false"),
            ("tellClients: 'true'", "4:16: gateway.tellClients: \"true\" is neither true nor false"),
            ("wire: { byteOrder: middle }", "4:22: gateway.wire.byteOrder: \"middle\" is not one of big, little"),
            ("wire: { length: all }", "4:19: gateway.wire.length: \"all\" is not one of packet, body"),
            ("esID: 0", "4:9: gateway.esID: 0 is out of range; use 1 to 4294967294"),
            ("esID: 0xFFFFFFFF", "4:9: gateway.esID: 0xFFFFFFFF is out of range; use 1 to 4294967294"),
            ("esID: -1", "4:9: gateway.esID: -1 is out of range; use 1 to 4294967294"),
            ("cluster: 0", "4:12: gateway.cluster: 0 is out of range; use 1 to 4294967295"),
            ("publicTypes: [0-99, 65280]", "4:23: gateway.publicTypes: 65280 reaches into the control types; application types are 0 to 65279"),
            ("publicTypes: 70000", "4:16: gateway.publicTypes: 70000 is out of range; application types are 0 to 65279"),
            ("publicTypes: [9-1]", "4:17: gateway.publicTypes: 9-1 runs backwards; use 1-9"),
            ("publicTypes: [a]", "4:17: gateway.publicTypes: \"a\" is not a packet type or a range; use 0 to 65279, as in 7 or 100-199"),
            ("publicTypes: [1-2-3]", "4:17: gateway.publicTypes: \"1-2-3\" is not a packet type or a range; use 0 to 65279, as in 7 or 100-199"),
            ("publicTypes: []", "4:16: gateway.publicTypes: is empty; needs at least one: [a packet type or a range as in 100-199, ...]"),
            ("routess: []", "4:3: gateway.routess: unknown key; did you mean `routes`?"),
        ])
    func gateway(line: String, expected: String) {
        #expect(configurationErrors("\(Documents.small)\n  \(line)") == ["edge.yaml:\(expected)"])
    }

    @Test(
        "S16: 0 is refused where it could mean unlimited",
        arguments: [
            ("connections: 0", "0 could mean none or unlimited; use 1 to 1000000000, or `unlimited`"),
            ("perAddress: 0", "0 could mean none or unlimited; use 1 to 1000000000, or `unlimited`"),
            ("packetsPerSecond: 0", "0 could mean none or unlimited; use 1 to 1000000000, or `unlimited`"),
            ("bytesPerSecond: 0KiB", "0KiB could mean none or unlimited; use 1 to 1024GiB, or `unlimited`"),
            ("maxPending: 0", "0 could mean none or unlimited; use 1 to 1024GiB"),
            ("handshake: 0s", "0s could mean none or unlimited; use 1ms to 1440m"),
            ("idle: 0", "0 could mean none or unlimited; use 1ms to 1440m"),
        ])
    func zero(line: String, expected: String) {
        let key = line.prefix { $0 != ":" }
        #expect(
            configurationErrors("\(Documents.small)\n  limits:\n    \(line)") == ["edge.yaml:5:\(key.count + 7): gateway.limits.\(key): \(expected)"])
    }

    @Test("S16: 0 is refused for every time, size and count of the process", arguments: ["loops", "laneThreads", "memory", "drainTimeout"])
    func zeroOfProcess(key: String) {
        let lines = configurationErrors("\(key): 0")
        #expect(lines.count == 1)
        #expect(lines.first?.hasPrefix("edge.yaml:1:\(key.count + 3): \(key): 0 could mean none or unlimited; use ") == true)
    }

    @Test(
        "S13: what must be bounded cannot be unlimited",
        arguments: [
            ("maxPending: unlimited", "cannot be unlimited; use 1 to 1024GiB"), ("idle: unlimited", "cannot be unlimited; use 1ms to 1440m"),
            ("handshake: unlimited", "cannot be unlimited; use 1ms to 1440m"),
        ])
    func bounded(line: String, expected: String) {
        let key = line.prefix { $0 != ":" }
        #expect(
            configurationErrors("\(Documents.small)\n  limits:\n    \(line)") == ["edge.yaml:5:\(key.count + 7): gateway.limits.\(key): \(expected)"])
    }

    @Test("Two listeners cannot share an address")
    func sharedAddress() {
        #expect(
            configurationErrors("\(Documents.small)\nadmin: { listen: 127.0.0.1:7000 }") == [
                "edge.yaml:4:18: admin.listen: 127.0.0.1:7000 is gateway.listen too; two listeners cannot share an address"
            ])
        let hubs = """
            hub: { edges: { listen: 'a:1' }, services: { listen: 'a:2' }, insecure: true }
            rpcHub: { callers: { listen: 'a:3' }, agents: { listen: 'a:2' }, thrift: { listen: 'a:1', rpcID: type }, insecure: true }
            """
        #expect(
            configurationErrors(hubs) == [
                "edge.yaml:2:57: rpcHub.agents.listen: a:2 is hub.services.listen too; two listeners cannot share an address",
                "edge.yaml:2:84: rpcHub.thrift.listen: a:1 is hub.edges.listen too; two listeners cannot share an address",
            ])
    }
}
