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

    /// One process with every other role.
    private static let others = """
        name: all
        hub: { id: 9, edges: { listen: "127.0.0.1:7200" }, services: { listen: "127.0.0.1:7201" } }
        rpcProxy: { listen: "127.0.0.1:7300", routes: [{ name: one, methods: ["*"], to: ["127.0.0.1:9100"] }] }
        rpcHub:
          id: 9
          callers: { listen: "127.0.0.1:7400" }
          agents: { listen: "127.0.0.1:7401" }
          thrift: { listen: "127.0.0.1:7402", rpcID: type }
        rpcAgent: { node: 5, hubs: { to: ["127.0.0.1:7401"] }, rpcIDs: [1-99], upstream: { to: ["127.0.0.1:9100"] } }
        """

    @Test(
        "S26: so are ids, listen addresses and the largest frame of the other roles",
        arguments: [
            ("hub.id=8", "hub.id: cannot change from 9 to 8"),
            ("hub.edges.listen=127.0.0.1:1", "hub.edges.listen: cannot change from 127.0.0.1:7200 to 127.0.0.1:1"),
            ("hub.services.listen=127.0.0.1:1", "hub.services.listen: cannot change from 127.0.0.1:7201 to 127.0.0.1:1"),
            ("rpcProxy.listen=127.0.0.1:1", "rpcProxy.listen: cannot change from 127.0.0.1:7300 to 127.0.0.1:1"),
            ("rpcHub.id=8", "rpcHub.id: cannot change from 9 to 8"),
            ("rpcHub.callers.listen=127.0.0.1:1", "rpcHub.callers.listen: cannot change from 127.0.0.1:7400 to 127.0.0.1:1"),
            ("rpcHub.agents.listen=127.0.0.1:1", "rpcHub.agents.listen: cannot change from 127.0.0.1:7401 to 127.0.0.1:1"),
            ("rpcHub.thrift.listen=127.0.0.1:1", "rpcHub.thrift.listen: cannot change from 127.0.0.1:7402 to 127.0.0.1:1"),
            ("rpcHub.maxFrame=2MiB", "rpcHub.maxFrame: cannot change from 1MiB to 2MiB"),
            ("rpcAgent.node=6", "rpcAgent.node: cannot change from 5 to 6"),
        ])
    func fixedOfOthers(override: String, expected: String) throws {
        #expect(try changes([override], in: FixedAtStartTests.others) == ["\(expected) while running; restart the process"])
    }

    @Test(
        "S26: everything else of the other roles can change while running",
        arguments: [
            "hub.heartbeat=1s", "hub.maxPending=1MiB", "hub.limits.connections=5", "rpcProxy.ordered=false", "rpcProxy.limits.maxPending=2MiB",
            "rpcProxy.pipelining=7", "rpcHub.timeout=1s", "rpcHub.window=9", "rpcHub.thrift.rpcID=4", "rpcAgent.concurrency=3",
            "rpcAgent.upstream.timeout=1s", "rpcAgent.upstream.connections=2", "name=other",
        ])
    func liveOfOthers(override: String) throws {
        #expect(try changes([override], in: FixedAtStartTests.others) == [])
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
