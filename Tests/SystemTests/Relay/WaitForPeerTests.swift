import Testing
import Wire

extension SystemTests {
    /// `waitForPeer` (rule S4): packets wait for an upstream instead of failing fast.
    @Suite struct WaitForPeerTests {
        @Test("S4: packets wait, and are delivered in their order when the upstream comes up")
        func delivers() throws {
            let upstream = try UpstreamServer(.echo, up: false)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, "waitForPeer: 20s")) { gateway in
                let clients = try gateway.clients(3)
                for (sender, client) in clients.enumerated() {
                    try client.send((0..<50).map { Packet(100, from: sender, number: $0) })
                    try client.expectNothing()
                }
                upstream.goUp()
                // What is sent while the wait ends must not overtake what waited.
                for (sender, client) in clients.enumerated() {
                    for number in 50..<200 { try client.send(Packet(100, from: sender, number: number)) }
                }
                for client in clients { #expect(try client.receive(200, within: .seconds(20)).map(\.number) == Array(0..<200)) }
                #expect(upstream.packets.count == 600)
            }
        }

        @Test("S4: when the wait ends, the packet gets the code that failing fast would have given")
        func timesOut() throws {
            let upstream = try UpstreamServer(.echo, up: false)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, "waitForPeer: 700ms")) { gateway in
                let client = try gateway.client()
                let begin = ContinuousClock.now
                try client.send(Packet(100, from: 0, number: 0), Packet(100, from: 0, number: 1))
                try client.expectNothing()
                try client.expectUndelivered(.noPeer, of: 100)
                let waited = ContinuousClock.now - begin
                #expect(waited >= .milliseconds(690) && waited < .milliseconds(1700), "waited \(waited)")
                try client.expectUndelivered(.noPeer, of: 100)
                try client.expectNothing()
            }
        }

        @Test("S4: beyond waitBytes packets are answered busy at once")
        func full() throws {
            let upstream = try UpstreamServer(.echo, up: false)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, "waitForPeer: 2s, waitBytes: 4KiB")) { gateway in
                let client = try gateway.client()
                let begin = ContinuousClock.now
                try client.send((0..<10).map { Packet(100, from: 0, number: $0, size: 972) })
                // Four packets of 1,000 bytes fit.
                for number in 4..<10 {
                    let notice = try client.expectUndelivered(.busy, of: 100)
                    #expect(notice.quote.prefix(8).last == UInt8(number))
                }
                #expect(ContinuousClock.now - begin < .seconds(1))
                try client.expectNothing()
                for number in 0..<4 {
                    let notice = try client.expectUndelivered(.noPeer, of: 100)
                    #expect(notice.quote.prefix(8).last == UInt8(number))
                }
            }
        }

        @Test("S4: packets wait for an upstream that was up and has gone, too; other routes do not wait")
        func returns() throws {
            let (upstream, other) = (try UpstreamServer(.echo), try UpstreamServer(.echo))
            defer { for server in [upstream, other] { server.stop() } }
            let routes = [Configuration.route("waits", "100-199", upstream, more: "waitForPeer: 20s"), Configuration.route("other", "200", other)]
            try withGateway(Configuration(routes: routes)) { gateway in
                let client = try gateway.client()
                #expect(try client.exchange(Packet(100, "before")).text == "before")
                try upstream.goDown()
                try gateway.eventuallyMetric("links_open", ["side": "route"]) { $0 == 1 }
                try client.send(Packet(100, "meanwhile"))
                #expect(try client.exchange(Packet(200, "other")).text == "other")
                upstream.goUp()
                #expect(try client.receive(within: .seconds(20)).text == "meanwhile")
            }
        }
    }
}
