import Foundation
import Testing
import Wire

extension SystemTests {
    /// The example configurations as they stand, on their documented ports: 7000, 7200, 7201, 7210, 7211, 9090 to 9092.
    @Suite struct ThousandClientsTests {
        private func up(_ file: String, says line: String) throws -> ChildProcess {
            let path = SwitchyardProcess.packageFile("Examples/hubs/\(file).yaml")
            let process = try ChildProcess(SwitchyardProcess.binary(), ["up", "--config", path], environment: FleetHub.token)
            do {
                _ = try process.outputLine(line)
            } catch {
                process.end()
                throw error
            }
            return process
        }

        @Test("S5: a thousand clients through gateway, two hubs and three services, one in Python: every packet answered, in order, over both hubs")
        func thousandClients() throws {
            let hubs = [try up("hub-1", says: "hub services listening on "), try up("hub-2", says: "hub services listening on ")]
            defer { for hub in hubs { hub.end() } }
            let places = [HubPlace(edges: 7200, services: 7201), HubPlace(edges: 7210, services: 7211)]
            let services = try [ServiceProcess.Kind.python, .swift, .swift].enumerated().map { try ServiceProcess($1, node: $0 + 1, hubs: places) }
            defer { for service in services { service.end() } }
            let gateway = try up("gateway", says: "gateway listening on ")
            defer { gateway.end() }
            for port in [UInt16(9091), 9092] {
                try eventually("three services at each hub") {
                    Metrics(try adminGet("/metrics", port: port).body)["links_open", ["role": "hub", "side": "services"]] == 3
                }
            }

            let clients = try (0..<1000).map { _ in try PacketClient(port: 7000) }
            let rounds = 20
            for round in 0..<rounds {
                for (sender, client) in clients.enumerated() { try client.send(Packet(100, "\(sender)-\(round)")) }
            }
            for (sender, client) in clients.enumerated() {
                for round in 0..<rounds { #expect(try client.receive(within: .seconds(20)).says("\(sender)-\(round)")) }
            }
            // Sessions are spread over the hubs by the choice function: about half each.
            for port in [UInt16(9091), 9092] {
                let metrics = Metrics(try adminGet("/metrics", port: port).body)
                let crossed = metrics["packets_total", ["role": "hub", "route": "edges", "direction": "in"]]
                #expect(crossed > 8000 && crossed < 12_000, "\(crossed) of 20,000 packets over the hub at \(port)")
            }
            for client in clients { client.leave() }
            for process in [gateway] + services.map(\.child) + hubs {
                process.signal(SIGTERM)
                #expect(try process.exitCode(within: .seconds(40)) == 0)
            }
        }
    }
}
