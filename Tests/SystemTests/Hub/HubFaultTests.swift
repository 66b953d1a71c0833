import Foundation
import Testing
import Wire

extension SystemTests {
    /// Gateway, hubs and services as real processes, of which some die (rules S2, S3, S17, S18, S30).
    @Suite struct HubFaultTests {
        @Test("S2: kill -9 of a service under load: what it had not got goes to others or is answered; new packets go to others at once")
        func serviceDies() throws {
            try withFleet(hubs: 2, services: 3) { fleet in
                let load = ConstantLoad(try fleet.gateway.clients(24), pause: .milliseconds(1))
                try load.awaitAnswers(500)
                fleet.services[0].signal(SIGKILL)
                _ = try fleet.services[0].child.exitCode()
                try load.awaitAnswers(2000)
                let outcomes = try load.stop()
                // At most the one packet that each client had under way was the dead service's own.
                #expect(outcomes.silent + outcomes.undelivered.values.reduce(0, +) <= 24, "\(outcomes)")
                #expect(Set(outcomes.undelivered.keys).isSubset(of: ["lost", "neverSent"]), "\(outcomes)")
            }
        }

        @Test("S30: kill -9 of one hub of two: traffic goes on over the other; when it is back nothing is answered noRoute")
        func oneHubDies() throws {
            try withFleet(hubs: 2, services: 2) { fleet in
                let load = ConstantLoad(try fleet.gateway.clients(24), pause: .milliseconds(1))
                try load.awaitAnswers(500)
                fleet.hubs[0].signal(SIGKILL)
                _ = try fleet.hubs[0].child.exitCode()
                try load.awaitAnswers(2000)
                // What was under way in the hub is given up after the load's patience; whatever comes later would be new.
                pass(.milliseconds(2500))
                let whileDead = load.outcomes
                #expect(whileDead.silent + whileDead.undelivered.values.reduce(0, +) <= 24, "\(whileDead)")
                try fleet.restartHub(0)
                try fleet.settle()
                try load.awaitAnswers(2000)
                let outcomes = try load.stop()
                #expect(outcomes.silent == whileDead.silent, "\(outcomes)")
                #expect(outcomes.undelivered == whileDead.undelivered, "\(outcomes)")
                #expect(outcomes.undelivered["noRoute"] == nil)
                // It takes part again.
                try fleet.hubs[0].eventuallyMetric("packets_total", ["role": "hub"]) { $0 > 0 }
            }
        }

        @Test("S1, S18: kill -9 of the only hub: typed answers at once; when it is back all rejoin by themselves")
        func onlyHubDies() throws {
            try withFleet(hubs: 1, services: 2) { fleet in
                let client = try fleet.gateway.client()
                fleet.hubs[0].signal(SIGKILL)
                _ = try fleet.hubs[0].child.exitCode()
                try eventually("the gateway has noticed") { try client.exchange(Packet(100, "1")).control == .undelivered }
                var slow = 0
                for number in 0..<50 {
                    let start = ContinuousClock.now
                    try client.send(Packet(100, "\(number)"))
                    try client.expectUndelivered(.noPeer, of: 100)
                    if ContinuousClock.now - start > .milliseconds(100) { slow += 1 }
                }
                // A busy machine delays some; a gateway that waited for anything would delay all.
                #expect(slow < 25, "\(slow) of 50 answers took longer than 100 ms")
                try fleet.restartHub(0)
                try fleet.settle()
                #expect(try client.exchange(Packet(100, "back")).text == "BACK")
            }
        }

        @Test("S11, S18: of two gateways with one ES id the newer stays, and they do not evict each other for ever")
        func sameEdge() throws {
            try withFleet(hubs: 1, services: 1) { fleet in
                let twin = try SwitchyardProcess(Fleet.gateway(fleet.places), environment: FleetHub.token)
                defer { twin.end() }
                try fleet.gateway.logLine("rejects us", "takenOver")
                let client = try twin.client()
                try eventually("service for the newer") { try client.exchange(Packet(100, "1")).control == nil }
                // Three seconds: with the ordinary back-off the older would have been back some ten times.
                for number in 0..<60 {
                    #expect(try client.exchange(Packet(100, "\(number)")).text == "\(number)")
                    pass(.milliseconds(50))
                }
                #expect(fleet.gateway.child.errors.count { $0.contains("rejects us: takenOver") } == 1)
                #expect(!twin.child.errors.contains { $0.contains("takenOver") })
                let old = try fleet.gateway.client()
                try old.send(Packet(100, "1"))
                try old.expectUndelivered(.noPeer, of: 100)
            }
        }

        @Test(
            "S17: a hub behind a network that goes down is given up within three heartbeats",
            .enabled(if: Namespace.isPossible, "needs root and `ip`"))
        func halfOpen() throws {
            let network = try Namespace()
            defer { network.end() }
            var place = try HubPlace()
            place.host = network.inside
            place.admin = "\(network.inside):0"
            let hub = try FleetHub(place, more: ["heartbeat: 500ms"], command: network.command)
            defer { hub.end() }
            let gateway = try SwitchyardProcess(Fleet.gateway([place]), environment: FleetHub.token)
            defer { gateway.end() }
            try eventually("the hub is up; \(gateway.child.errors.suffix(8)), \(hub.child.errors.suffix(8))") {
                gateway.child.errors.contains { $0.contains("is up") }
            }
            let client = try gateway.client()
            try client.send(Packet(100, "1"))
            try client.expectUndelivered(.noRoute, of: 100)
            // Some idle time, so that the measure does not begin with a beat.
            pass(.milliseconds(700))
            let start = ContinuousClock.now
            try network.linkDown()
            try gateway.child.awaitError("silent", within: .seconds(5))
            let took = ContinuousClock.now - start
            // Three heartbeats since it was last heard; a fourth would end at 2,000 ms.
            #expect(took < .milliseconds(1950), "noticed after \(took)")
            // The line is written before the other loops are told, which takes them one turn.
            try eventually("noPeer") {
                let notice = try client.exchange(Packet(100, "2")).read(Undelivered.self)
                return notice.code == Code.noPeer.rawValue
            }
            try hub.child.awaitError("idle", within: .seconds(5))
        }
    }
}
