import Foundation
import Testing
import Wire

extension SystemTests {
    /// The caller and the agent of `Examples/python`, which know nothing but the protocol's text.
    @Suite struct RPCPythonTests {
        private func agent(_ hub: RPCHubProcess, ids: String = "10-19") throws -> ChildProcess {
            let file = SwitchyardProcess.packageFile("Examples/python/rpc_agent.py")
            return try ChildProcess(
                "python3", [file, "--hub", "127.0.0.1:\(hub.agents)", "--ids", ids, "--node", "5", "--join", "HUB_TOKEN"],
                environment: FleetHub.token)
        }

        private func call(_ hub: RPCHubProcess, _ more: String...) throws -> (code: Int32, output: [String], errors: [String]) {
            let file = SwitchyardProcess.packageFile("Examples/python/rpc_caller.py")
            let caller = try ChildProcess(
                "python3", [file, "--hub", "127.0.0.1:\(hub.callers)", "--join", "HUB_TOKEN"] + more, environment: FleetHub.token)
            defer { caller.end() }
            let code = try caller.exitCode(within: .seconds(30))
            return (code, caller.output, caller.errors)
        }

        @Test("A Python caller reaches a Python agent; without one it is told noRoute; SIGTERM leaves in order")
        func roundTrip() throws {
            try withRPCHub(hub: ["token: env:HUB_TOKEN"], environment: FleetHub.token) { hub in
                let unserved = try call(hub, "--rpc", "10", "--body", "hello")
                #expect(unserved.code == 1 && unserved.errors.last?.hasPrefix("noRoute") == true, "\(unserved)")
                let agent = try agent(hub)
                defer { agent.end() }
                _ = try agent.outputLine("registered with", within: .seconds(20))
                let served = try call(hub, "--rpc", "12", "--type", "7", "--sharding", "-3", "--body", "hello")
                #expect(served.code == 0 && served.output == ["olleh"], "\(served)")
                agent.signal(SIGTERM)
                #expect(try agent.exitCode(within: .seconds(20)) == 0)
                try hub.eventuallyMetric("registrations") { $0 == 0 }
            }
        }
    }
}
