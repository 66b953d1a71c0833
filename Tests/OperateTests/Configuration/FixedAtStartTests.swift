import Operate
import Testing

@Suite("Configuration: what a reload may not change")
struct FixedAtStartTests {
    private func changes(_ overrides: [String], in text: String = Documents.small + "\nadmin: { listen: 127.0.0.1:9090 }") throws -> [String] {
        try loadConfiguration(text).get().settings.changesThatNeedARestart(to: loadConfiguration(text, overrides).get().settings)
    }

    @Test(
        "S26: listen addresses, loops, ES id, cluster, wire and roles are named",
        arguments: [
            ("loops=4", "loops: cannot change from 3 to 4"),
            ("gateway.listen=127.0.0.1:7001", "gateway.listen: cannot change from 127.0.0.1:7000 to 127.0.0.1:7001"),
            ("gateway.esID=2", "gateway.esID: cannot change from 1 to 2"), ("gateway.cluster=2", "gateway.cluster: cannot change from 1 to 2"),
            ("gateway.wire.byteOrder=little", "gateway.wire.byteOrder: cannot change from big to little"),
            ("gateway.wire.length=body", "gateway.wire.length: cannot change from packet to body"),
            ("admin.listen=127.0.0.1:9091", "admin.listen: cannot change from 127.0.0.1:9090 to 127.0.0.1:9091"),
        ])
    func fixed(override: String, expected: String) throws {
        #expect(try changes([override]) == ["\(expected) while running; restart the process"])
    }

    @Test("S26: roles cannot come or go")
    func roles() throws {
        let gateway = try loadConfiguration(Documents.small).get().settings
        let nothing = try loadConfiguration("").get().settings
        #expect(gateway.changesThatNeedARestart(to: nothing) == ["gateway: cannot be removed while running; restart the process"])
        #expect(nothing.changesThatNeedARestart(to: gateway) == ["gateway: cannot be added while running; restart the process"])
    }

    @Test(
        "S26: everything else can change while running",
        arguments: ["gateway.limits.idle=1s", "gateway.verify=stamp", "log.level=debug", "drainTimeout=1s", "name=b"])
    func live(override: String) throws {
        #expect(try changes([override]) == [])
    }
}
