import Foundation
import Testing
import Wire

extension SystemTests {
    /// Upstreams that die, with real processes (rules S2, S3).
    @Suite struct KillTests {
        @Test(
            "S2: kill -9 of an upstream under load: each packet has one outcome, other routes see nothing, service resumes by itself",
            arguments: [1, 4])
        func underLoad(loops: Int) throws {
            let (doomed, other) = (try UpstreamProcess(), try UpstreamServer(.echo))
            defer {
                doomed.end()
                other.stop()
            }
            let routes = ["{ name: doomed, types: [100-199], to: [\(doomed.address)] }", Configuration.route("other", "200-299", other)]
            try withGateway(Configuration(routes: routes, top: ["loops: \(loops)"])) { gateway in
                let clients = try gateway.clients(8)
                let ledgers = clients.indices.map { sender in
                    InBackground { try Ledger.recorded(clients[sender], sender: sender, for: .seconds(4)) }
                }
                let bystander = InBackground { [client = try gateway.client()] in
                    for number in 0..<300 {
                        let answer = try client.exchange(Packet(200, from: 0, number: number), within: .seconds(2))
                        guard answer.control == nil, answer.number == number else { throw Unmet("another route's packet: \(answer.summary)") }
                        pass(.milliseconds(10))
                    }
                }
                pass(.seconds(1))
                doomed.signal(SIGKILL)
                _ = try doomed.child.exitCode()
                pass(.milliseconds(200))
                let again = try UpstreamProcess(port: doomed.port)
                defer { again.end() }
                for ledger in ledgers {
                    let ledger = try ledger.value()
                    ledger.expectSingleOutcomes()
                    #expect(ledger.codes.isSubset(of: ["noPeer", "neverSent", "lost"]))
                    #expect(ledger.echoed == ledger.echoed.sorted())
                    #expect(!ledger.numbers(.noPeer).isEmpty, "nothing was sent while the upstream was dead")
                    #expect(ledger.echoed.last ?? 0 > ledger.numbers(.noPeer).max() ?? 0, "service did not resume")
                }
                try bystander.value()
            }
        }

        @Test("S2: what is still queued when an upstream dies is reported, each packet once: lost for one block, neverSent for the rest")
        func exactCount() throws {
            let upstream = try UpstreamProcess()
            defer { upstream.end() }
            let route = "{ name: echo, types: [100-199], to: [\(upstream.address)], highWater: 8MiB }"
            try withGateway(Configuration(routes: [route])) { gateway in
                let client = try gateway.client()
                let size = 972
                for number in 0..<100 { try client.send(Packet(100, from: 0, number: number, size: size)) }
                #expect(try client.receive(100).map(\.number) == Array(0..<100))
                upstream.signal(SIGSTOP)
                let sent = try fill(client, from: 100, size: size) { try gateway.metrics()["queue_bytes", ["side": "route"]] }
                // Everything is in the gateway; a second look shows that the queue stands still.
                try client.expectNothing()
                var queued = 0.0
                try eventually("the queue stands still") {
                    let before = queued
                    queued = try gateway.metrics()["queue_bytes", ["side": "route"]]
                    pass(.milliseconds(50))
                    return queued == before && queued > 0
                }
                upstream.signal(SIGKILL)

                var ledger = Ledger(sent: sent)
                try client.send(Packet(.ping, bytes: [1]))
                while try ledger.take(from: client, within: .seconds(1)) {}
                ledger.expectSingleOutcomes()
                let reported = ledger.undelivered.map(\.number)
                #expect(ledger.echoed.isEmpty)
                #expect(ledger.codes.isSubset(of: ["lost", "neverSent"]))
                #expect(reported == Array((sent - reported.count)..<sent), "the newest packets, in their order")
                let lost = ledger.numbers(.lost)
                #expect(lost == Array(reported.prefix(lost.count)), "what was being written is older than what was not")
                #expect(lost.count * 1000 <= (256 << 10) + 1000)
                #expect(!ledger.numbers(.neverSent).isEmpty)
                let bytes = Double(reported.count * 1000)
                #expect(bytes >= queued - 1000 && bytes <= queued + Double(256 << 10), "\(bytes) bytes reported, \(queued) were queued")
                let counted = try gateway.metrics()
                #expect(counted["undelivered_total", ["code": "neverSent"]] == Double(ledger.numbers(.neverSent).count))
                #expect(counted["undelivered_total", ["code": "lost"]] == Double(lost.count))
                try gateway.eventuallyMetric("queue_bytes", ["side": "route"]) { $0 == 0 }
            }
        }

        @Test("S3: what is queued for a connection that dies goes to the surviving one, once and in order", arguments: [1, 4])
        func rerouted(loops: Int) throws {
            let (deaf, survivor, introducer) = (try UpstreamServer(.deaf), try UpstreamServer(.echo), try UpstreamServer(.record))
            defer { for upstream in [deaf, survivor, introducer] { upstream.stop() } }
            let routes = [
                Configuration.route("pair", "100-199", deaf, survivor, more: "highWater: 8MiB"), Configuration.route("introduce", "200", introducer),
            ]
            try withGateway(Configuration(routes: routes, top: ["loops: \(loops)"])) { gateway in
                let names = ["\(deaf.address)#0", "\(survivor.address)#0"]
                let one = try obtain("a session whose choice is the one that does not read") {
                    let one = try gateway.introduced(to: introducer, type: 200)
                    return ExpectedChoice.owner(of: one.session, among: names) == names[0] ? one : nil
                }
                let sent = try fill(one.client, from: 0, size: 972) { try gateway.metrics()["queue_bytes", ["side": "route"]] }
                try one.client.expectNothing()
                try deaf.goDown()
                var ledger = Ledger(sent: sent)
                while try ledger.take(from: one.client, within: .seconds(2)) {}
                ledger.expectSingleOutcomes()
                #expect(ledger.codes.isSubset(of: ["lost"]), "\(ledger.codes)")
                let reported = ledger.undelivered.map(\.number)
                #expect(ledger.echoed.count > 300)
                #expect(reported + ledger.echoed == Array((sent - reported.count - ledger.echoed.count)..<sent))
                #expect(reported.count * 1000 <= (256 << 10) + 1000)
                #expect(survivor.packets.map(\.number) == ledger.echoed)
                #expect(try one.client.exchange(Packet(100, from: 0, number: sent)).number == sent)
            }
        }

        @Test("S12, S3: SESSION_CLOSED that is queued behind a session's packets goes with them to the surviving connection", arguments: [1, 4])
        func reroutedNotice(loops: Int) throws {
            let (deaf, survivor, introducer) = (try UpstreamServer(.deaf), try UpstreamServer(.record), try UpstreamServer(.record))
            defer { for upstream in [deaf, survivor, introducer] { upstream.stop() } }
            let routes = [
                Configuration.route("pair", "100-199", deaf, survivor, more: "highWater: 8MiB"), Configuration.route("introduce", "200", introducer),
            ]
            try withGateway(Configuration(routes: routes, top: ["loops: \(loops)"])) { gateway in
                let names = ["\(deaf.address)#0", "\(survivor.address)#0"]
                let one = try obtain("a session whose choice is the one that does not read") {
                    let one = try gateway.introduced(to: introducer, type: 200)
                    return ExpectedChoice.owner(of: one.session, among: names) == names[0] ? one : nil
                }
                let sent = try fill(one.client, from: 0, size: 972) { try gateway.metrics()["queue_bytes", ["side": "route"]] }
                try one.client.expectNothing()
                one.client.leave()
                _ = try obtain("SESSION_CLOSED on the other route") { introducer.controls(.sessionClosed).first { $0.header.session == one.session } }
                try deaf.goDown()
                _ = try obtain("the last packet") { survivor.packets.last { $0.header.session == one.session && $0.number == sent - 1 } }
                _ = try obtain("SESSION_CLOSED behind it") { survivor.controls(.sessionClosed).first { $0.header.session == one.session } }
                #expect(survivor.arrivals.last { $0.packet.header.session == one.session }?.packet.control == .sessionClosed)
            }
        }

        /// Sends until at least 700 KiB stand in the gateway's queue; gives the next number.
        private func fill(_ client: PacketClient, from first: Int, size: Int, queued: () throws -> Double) throws -> Int {
            var number = first
            while try queued() < 700 * 1024 {
                try client.send((number..<number + 200).map { Packet(100, from: 0, number: $0, size: size) })
                number += 200
                guard number < 100_000 else { throw Unmet("no queue after \(number) packets") }
            }
            return number
        }
    }
}
