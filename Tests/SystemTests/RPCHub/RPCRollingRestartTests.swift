import Foundation
import Switchyard
import Testing

extension SystemTests {
    @Suite struct RPCRollingRestartTests {
        @Test("S25: two RPC hubs and three agents are restarted in turn under the load of a hub caller: no call fails")
        func rollingRestart() async throws {
            let server = try await ReversingServer()
            let places = try [HubPlace(), HubPlace()]
            func hub(_ index: Int) throws -> RPCHubProcess {
                try RPCHubProcess(
                    hub: ["id: \(index + 1)"], top: ["loops: 2", "drainTimeout: 20s"], ports: (places[index].edges, places[index].services))
            }
            func agent(_ index: Int) throws -> AgentProcess {
                try AgentProcess(
                    hubs: places.map(\.services), upstream: server.port, agent: ["node: \(index + 1)"], top: ["loops: 1", "drainTimeout: 20s"])
            }
            var hubs = try [hub(0), hub(1)]
            var agents = try [agent(0), agent(1), agent(2)]
            defer { for process in hubs.map(\.child) + agents.map(\.child) { process.end() } }
            let callers = try await HubCallers(places.map(\.edges))
            func settle() throws {
                for hub in hubs {
                    try hub.eventuallyMetric("links_open", ["role": "rpcHub", "side": "agents"], within: .seconds(60)) { $0 == 3 }
                    try hub.eventuallyMetric("links_open", ["role": "rpcHub", "side": "callers"], within: .seconds(60)) { $0 == 1 }
                }
            }
            try settle()
            try await callers.eventuallyAnswered(10)
            let load = CallLoad(callers, rpc: 10, tasks: 32)
            try load.awaitAnswers(1000)
            for index in agents.indices {
                agents[index].child.signal(SIGTERM)
                #expect(try agents[index].child.exitCode(within: .seconds(30)) == 0)
                try load.awaitAnswers(500)
                agents[index] = try agent(index)
                try settle()
                try load.awaitAnswers(500)
            }
            for index in hubs.indices {
                hubs[index].child.signal(SIGTERM)
                #expect(try hubs[index].child.exitCode(within: .seconds(30)) == 0)
                try load.awaitAnswers(500)
                hubs[index] = try hub(index)
                try settle()
                // The caller hears from it which ids there are a moment after they are registered.
                try hubs[index].eventuallyMetric("calls_total", ["role": "rpcHub", "outcome": "ok"], within: .seconds(60)) { $0 > 0 }
                try load.awaitAnswers(500)
            }
            let outcomes = await load.stop()
            #expect(Set(outcomes.keys) == ["ok"], "\(outcomes)")
            await callers.caller.stop()
            await server.end()
        }
    }
}
