import Foundation
import Testing
import Wire

extension SystemTests {
    /// Upstreams that do not read (rules S13, S14).
    @Suite struct SlowUpstreamTests {
        /// Sends numbered packets until the gateway has not taken a byte for a while; gives how many were begun and what is left of the last.
        private func flood(_ client: PacketClient, sender: Int, size: Int = 8 << 10) throws -> (count: Int, rest: ArraySlice<UInt8>) {
            let limit = ContinuousClock.now + .seconds(20)
            var count = 0
            var rest: ArraySlice<UInt8> = []
            var moved = ContinuousClock.now
            while ContinuousClock.now - moved < .milliseconds(400) {
                guard ContinuousClock.now < limit, count < 20_000 else { throw Unmet("the gateway reads without end: \(count) packets") }
                if rest.isEmpty {
                    rest = Packet(100, from: sender, number: count, size: size).encoded()[...]
                    count += 1
                }
                guard let written = client.socket.writeSome(rest) else { throw Unmet("the gateway closed a client that it should pause") }
                rest = rest.dropFirst(written)
                if written > 0 { moved = .now } else { usleep(2000) }
            }
            return (count, rest)
        }

        @Test(
            "S13, S14: clients of an upstream that stops reading are paused, other routes see nothing, and all goes on by itself", arguments: [1, 4])
        func pauses(loops: Int) throws {
            let (deaf, other) = (try UpstreamServer(.deaf), try UpstreamServer(.echo))
            defer { for upstream in [deaf, other] { upstream.stop() } }
            let routes = [Configuration.route("deaf", "100-199", deaf, more: "highWater: 512KiB"), Configuration.route("other", "200-299", other)]
            try withGateway(Configuration(routes: routes, top: ["loops: \(loops)"])) { gateway in
                let (first, second, bystander) = (try gateway.client(), try gateway.client(), try gateway.client())
                let flooded = [first, second].enumerated().map { index, client in InBackground { try flood(client, sender: index) } }
                var rounds = 0
                while !flooded.allSatisfy(\.isDone) {
                    #expect(try bystander.exchange(Packet(200, from: 9, number: rounds), within: .seconds(2)).number == rounds)
                    rounds += 1
                }
                #expect(rounds > 50)
                let queued = try gateway.metrics()["queue_bytes", ["side": "route"]]
                // The kernel may have taken some since: they are paused until it is half.
                #expect(queued > Double(256 << 10) && queued <= Double(4 * 512 << 10), "\(queued)")

                deaf.reading(true)
                for (index, client) in [first, second].enumerated() {
                    let (count, rest) = try flooded[index].value()
                    try client.socket.write(Array(rest))
                    try client.send(Packet(101, from: index, number: count))
                    try client.expectNothing()
                    let numbers = try obtain("everything that was sent") {
                        let numbers = deaf.packets.filter { $0.sender == index }.map(\.number)
                        return numbers.count >= count + 1 ? numbers : nil
                    }
                    #expect(numbers == Array(0...count))
                }
                try gateway.eventuallyMetric("queue_bytes", ["side": "route"]) { $0 == 0 }
                #expect(try gateway.metrics()["undelivered_total"] == 0)
            }
        }

        @Test("S13: beyond four times highWater packets are answered busy; all others arrive when the upstream reads again")
        func busy() throws {
            let deaf = try UpstreamServer(.deaf)
            defer { deaf.stop() }
            try withGateway(Configuration(to: deaf, "highWater: 256KiB")) { gateway in
                let others = try gateway.clients(120)
                let filler = try gateway.client()
                let (count, rest) = try flood(filler, sender: 0)
                try gateway.eventuallyMetric("queue_bytes", ["side": "route"]) { $0 >= Double(256 << 10) }
                // One packet of each of many clients, none of which was paused before: 16 KiB each, far more than 1 MiB.
                for (index, other) in others.enumerated() { try other.send(Packet(100, from: index + 1, number: 0, size: 16 << 10)) }
                try gateway.eventuallyMetric("undelivered_total", ["code": "busy"]) { $0 >= 30 }
                let queued = try gateway.metrics()["queue_bytes", ["side": "route"]]
                #expect(queued <= Double(4 * 256 << 10) * 9 / 8, "\(queued)")
                deaf.reading(true)
                try filler.socket.write(Array(rest))
                var refused: Set<Int> = []
                for (index, other) in others.enumerated() {
                    let answer = try other.exchange(Packet(.ping))
                    if answer.control == .undelivered {
                        #expect(try answer.read(Undelivered.self).code == Code.busy.rawValue)
                        refused.insert(index + 1)
                        #expect(try other.receive().control == .pong)
                    } else {
                        #expect(answer.control == .pong)
                    }
                }
                #expect(refused.count >= 30 && refused.count < 120, "\(refused.count) of 120 refused")
                // What was read of the filler in one go may have gone over the limit, too.
                var own = Ledger(sent: count)
                try filler.send(Packet(.ping))
                while let packet = try filler.next(), packet.control != .pong { own.add(try packet.read(Undelivered.self)) }
                #expect(own.codes.isSubset(of: ["busy"]))
                let expected = count - own.undelivered.count + 120 - refused.count
                let arrived = try deaf.packets(expected)
                #expect(Set(arrived.map(\.sender)).isDisjoint(with: refused))
                #expect(arrived.count == expected)
            }
        }

        @Test("S16: a client that the gateway has paused is not idle")
        func notIdle() throws {
            let deaf = try UpstreamServer(.deaf)
            defer { deaf.stop() }
            try withGateway(Configuration(to: deaf, gateway: ["limits: { idle: 1s }"])) { gateway in
                let client = try gateway.client()
                let (count, rest) = try flood(client, sender: 0)
                pass(.milliseconds(2500))
                deaf.reading(true)
                try client.socket.write(Array(rest))
                try client.expectNothing()
                #expect(try deaf.packets(count).map(\.number) == Array(0..<count))
            }
        }

        @Test("S13: while all queues together are over `memory`, new clients are refused with rateLimited")
        func memory() throws {
            let deaf = try UpstreamServer(.deaf)
            defer { deaf.stop() }
            try withGateway(Configuration(to: deaf, "highWater: 64MiB", top: ["memory: 4MiB"])) { gateway in
                let bystander = try gateway.clients(1)[0]
                var filler = try gateway.client()
                var count = 0
                var rest: ArraySlice<UInt8> = []
                try eventually("the queue is over the bound", within: .seconds(20)) {
                    for _ in 0..<200 {
                        if rest.isEmpty {
                            rest = Packet(100, from: 0, number: count, size: 8 << 10).encoded()[...]
                            count += 1
                        }
                        if let written = filler.socket.writeSome(rest) {
                            rest = rest.dropFirst(written)
                        } else {
                            // The start of a packet was kept for it when the bound was crossed: so it had the longest queue, and is closed.
                            filler = try gateway.client()
                            rest = []
                        }
                    }
                    return try gateway.metrics()["queue_bytes"] > Double(4 << 20)
                }
                try gateway.client().expectReject(.rateLimited)
                try bystander.expectNothing()
                deaf.reading(true)
                try gateway.eventuallyMetric("queue_bytes", ["side": "route"]) { $0 == 0 }
                try gateway.client().expectNothing()
            }
        }

        @Test("S13: what the gateway answers an upstream that reads nothing is bounded", arguments: ["PING", "gone session"])
        func ownAnswers(kind: String) throws {
            let deaf = try UpstreamServer(.deaf)
            defer { deaf.stop() }
            try withGateway(Configuration(to: deaf, "highWater: 128KiB")) { gateway in
                let connection = try deaf.connection()
                let packet = kind == "PING" ? Packet(.ping, bytes: Array(repeating: 1, count: 64)) : Packet(100, "gone", session: 12345)
                let chunk = (0..<1000).flatMap { _ in packet.encoded() }
                var rest = chunk[...]
                var written = 0
                var still = ContinuousClock.now
                while written < 40 << 20, ContinuousClock.now - still < .milliseconds(300) {
                    guard let count = connection.socket.writeSome(rest) else { break }
                    rest = count == rest.count ? chunk[...] : rest.dropFirst(count)
                    written += count
                    if count > 0 { still = .now } else { usleep(1000) }
                }
                let queued = try gateway.metrics()["queue_bytes", ["side": "route"]]
                #expect(queued <= Double(4 * 128 << 10) * 9 / 8 + 65536, "\(queued) bytes queued after \(written) were sent")
            }
        }

        @Test("S14: an upstream that sends byte by byte delays no other route")
        func slowUpstream() throws {
            let (slow, quick) = (try UpstreamServer(.record), try UpstreamServer(.echo))
            defer { for upstream in [slow, quick] { upstream.stop() } }
            let routes = [Configuration.route("slow", "200-299", slow), Configuration.route("quick", "100-199", quick)]
            try withGateway(Configuration(routes: routes, top: ["loops: 1"])) { gateway in
                let one = try gateway.introduced(to: slow, type: 200)
                let other = try gateway.client()
                let connection = try slow.connection()
                for (index, byte) in Packet(200, "slow", session: one.session).encoded().enumerated() {
                    try connection.send(bytes: [byte])
                    #expect(try other.exchange(Packet(100, from: 1, number: index), within: .seconds(2)).number == index)
                }
                #expect(try one.client.receive().text == "slow")
            }
        }

        @Test("S14: a client that sends byte by byte delays nobody")
        func byteByByte() throws {
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, top: ["loops: 1"])) { gateway in
                let (slow, quick) = (try gateway.client(), try gateway.client())
                for (index, byte) in Packet(100, "slow").encoded().enumerated() {
                    try slow.socket.write([byte])
                    #expect(try quick.exchange(Packet(100, from: 1, number: index), within: .seconds(2)).number == index)
                }
                #expect(try slow.receive().text == "slow")
            }
        }
    }
}
