import Foundation
import Testing
import Wire

extension SystemTests {
    @Suite struct RollingRestartTests {
        @Test("S25: two hubs and three services are restarted in turn under constant load: every packet is answered by a service")
        func rollingRestart() throws {
            try withFleet(hubs: 2, services: 3) { fleet in
                let load = ConstantLoad(try fleet.gateway.clients(32), pause: .milliseconds(1), patience: .seconds(10))
                try load.awaitAnswers(1000)
                for index in fleet.services.indices {
                    fleet.services[index].signal(SIGTERM)
                    #expect(try fleet.services[index].child.exitCode(within: .seconds(30)) == 0)
                    try load.awaitAnswers(500)
                    try fleet.restartService(index)
                    try fleet.settle()
                    try load.awaitAnswers(500)
                }
                for index in fleet.hubs.indices {
                    fleet.hubs[index].signal(SIGTERM)
                    #expect(try fleet.hubs[index].child.exitCode(within: .seconds(30)) == 0)
                    try load.awaitAnswers(500)
                    try fleet.restartHub(index)
                    try fleet.settle()
                    try load.awaitAnswers(500)
                }
                let outcomes = try load.stop()
                #expect(outcomes.undelivered == [:])
                #expect(outcomes.silent == 0)
                #expect(outcomes.answered == outcomes.total)
            }
        }
    }
}
