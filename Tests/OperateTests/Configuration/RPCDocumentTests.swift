import Membership
import NIOCore
import Operate
import RPCAgent
import RPCHub
import RPCLink
import Testing
import ThriftLink
import Wire

@Suite("Configuration: RPC hub and RPC agent")
struct RPCDocumentTests {
    private static let full = """
        name: rpc-1
        loops: 1
        memory: 1GiB
        rpcHub:
          id: 9
          callers: { listen: 0.0.0.0:7400, allow: [10.0.0.0/8] }
          agents: { listen: 0.0.0.0:7401 }
          join:
            - { token: env:HUB_TOKEN, role: agent, nodes: [1-99], rpcIDs: [1, 10-19] }
            - { token: env:ADMIN_TOKEN, role: caller }
          heartbeat: 5s
          maxPending: 16MiB
          limits: { connections: 500, perAddress: 20 }
          timeout: 3s
          maxTimeout: 20s
          maxFrame: 2MiB
          window: 1000
        rpcAgent:
          node: 5
          hubs: { to: ["10.0.2.1:7401", "10.0.2.2:7401"], token: env:HUB_TOKEN }
          rpcIDs: [1, 10-19]
          concurrency: 64
          upstream: { to: ["127.0.0.1:9100"], method: ask, transport: header, protocol: compact, pools: 2, connections: 4, inFlight: 3, timeout: 1s }
        """

    @Test("Every key is read, and printed again as a file that loads to the same")
    func printed() throws {
        let settings = try loadConfiguration(RPCDocumentTests.full, environment: Documents.tokens).get().settings
        #expect(
            EffectiveConfiguration.yaml(of: settings).split(separator: "rpcHub:\n").last.map(String.init) == """
                  id: 9
                  callers:
                    listen: 0.0.0.0:7400
                    allow: [10.0.0.0/8]
                  agents:
                    listen: 0.0.0.0:7401
                  join:
                    - token: '***'
                      role: agent
                      nodes: [1-99]
                      rpcIDs: [1, 10-19]
                    - token: '***'
                      role: caller
                  heartbeat: 5s
                  maxPending: 16MiB
                  limits:
                    connections: 500
                    perAddress: 20
                  timeout: 3s
                  maxTimeout: 20s
                  maxFrame: 2MiB
                  window: 1000
                rpcAgent:
                  node: 5
                  hubs:
                    to: [10.0.2.1:7401, 10.0.2.2:7401]
                    token: '***'
                  rpcIDs: [1, 10-19]
                  concurrency: 64
                  upstream:
                    to: [127.0.0.1:9100]
                    transport: header
                    protocol: compact
                    pools: 2
                    connections: 4
                    inFlight: 3
                    balance: leastInFlight
                    timeout: 1s
                    maxWaiting: 10000
                    method: ask

                """)
    }

    @Test("Defaults are the documented ones")
    func defaults() throws {
        let text = "rpcHub: { callers: { listen: '127.0.0.1:1' }, agents: { listen: '127.0.0.1:2' } }\n"
        let agentText = "rpcAgent: { hubs: { to: ['127.0.0.1:2'] }, rpcIDs: 1, upstream: { to: ['127.0.0.1:9100'] } }\n"
        let settings = try loadConfiguration(text + agentText).get().settings
        let hub = try #require(settings.rpcHub)
        #expect(hub.heartbeat == .seconds(10) && hub.maxPending == 8 << 20 && hub.limits.connections == 10_000 && hub.limits.perAddress == nil)
        #expect(hub.timeout == .seconds(5) && hub.maxTimeout == .seconds(60) && hub.maxFrame == 1 << 20 && hub.window == 65_536)
        let agent = try #require(settings.rpcAgent)
        #expect(agent.agent.node == nil && agent.agent.concurrency == 256 && agent.agent.rpcIDs == [1...1] && agent.method == "rpc")
        let upstream = agent.upstream
        #expect(upstream.transport == .framed && upstream.protocol == .binary && upstream.pools == 1 && upstream.connections == 16)
        #expect(upstream.inFlight == 1 && upstream.timeout == .seconds(4))
    }

    @Test(
        "What does not fit is named at its place",
        arguments: [
            (
                "rpcHub: {}",
                [
                    "edge.yaml:1:1: rpcHub.callers: is missing; needs { listen: host:port }",
                    "edge.yaml:1:1: rpcHub.agents: is missing; needs { listen: host:port }",
                ]
            ),
            (
                "rpcHub: { callers: { listen: 'a:1' }, agents: { listen: 'a:1' }, insecure: true }",
                ["edge.yaml:1:57: rpcHub.agents.listen: a:1 is rpcHub.callers.listen too; two listeners cannot share an address"]
            ),
            (
                "rpcHub: { callers: { listen: '127.0.0.1:1' }, agents: { listen: '127.0.0.1:2' }, timeout: 2m }",
                ["edge.yaml:1:91: rpcHub.timeout: 2m is over maxTimeout (1m); make one of them fit the other"]
            ),
            (
                "rpcHub: { callers: { listen: '0.0.0.0:1' }, agents: { listen: '127.0.0.1:2' } }",
                [
                    "edge.yaml:1:1: rpcHub.token: is missing: anyone who can reach 0.0.0.0:1 could register as anything; add `token: env:NAME` or `join`, or say `insecure: true`"
                ]
            ),
            (
                "rpcAgent: {}",
                [
                    "edge.yaml:1:1: rpcAgent.hubs: is missing; needs { to: [host:port, ...] }",
                    "edge.yaml:1:1: rpcAgent.rpcIDs: is missing; needs ids, as in [1, 10-19]",
                    "edge.yaml:1:1: rpcAgent.upstream: is missing; needs { to: [host:port, ...] }",
                ]
            ),
            (
                "rpcAgent: { hubs: { to: ['a:1'] }, rpcIDs: [1], upstream: { to: ['a:1'], protocol: json } }",
                ["edge.yaml:1:84: rpcAgent.upstream.protocol: \"json\" is not one of binary, compact"]
            ),
        ])
    func errors(text: String, expected: [String]) {
        #expect(configurationErrors(text) == expected)
    }

    @Test("S26: addresses, the hub's id and the role cannot change while it runs")
    func fixed() throws {
        let settings = try loadConfiguration(RPCDocumentTests.full, environment: Documents.tokens).get().settings
        let next = try loadConfiguration(
            RPCDocumentTests.full, ["rpcHub.id=10", "rpcHub.callers.listen=0.0.0.0:1", "rpcHub.timeout=2s"], environment: Documents.tokens
        ).get().settings
        #expect(
            settings.changesThatNeedARestart(to: next) == [
                "rpcHub.callers.listen: cannot change from 0.0.0.0:7400 to 0.0.0.0:1 while running; restart the process",
                "rpcHub.id: cannot change from 9 to 10 while running; restart the process",
            ])
    }
}
