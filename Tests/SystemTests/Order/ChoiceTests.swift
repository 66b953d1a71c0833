import Testing
import Wire

extension SystemTests {
    /// Which connection a session gets (protocol, section 4).
    @Suite struct ChoiceTests {
        @Test("Protocol 4: the upstream of a session is the choice among the live ones; one that leaves or returns moves only its share")
        func moves() throws {
            let upstreams = try (0..<4).map { _ in try UpstreamServer(.echo) }
            defer { for upstream in upstreams { upstream.stop() } }
            let route = Configuration.route("four", "100-199", upstreams[0], upstreams[1], upstreams[2], upstreams[3])
            try withGateway(Configuration(routes: [route])) { gateway in
                let clients = try gateway.clients(60)
                func send(_ text: String, to live: [UpstreamServer]) throws {
                    try ExpectedChoice.settle(clients, among: live)
                    for client in clients { #expect(try client.exchange(Packet(100, text)).text == text) }
                    let names = live.map { "\($0.address)#0" }
                    var count = 0
                    for upstream in upstreams {
                        for packet in upstream.packets where packet.text == text {
                            #expect(ExpectedChoice.owner(of: packet.header.session, among: names) == "\(upstream.address)#0", "\(text)")
                            count += 1
                        }
                    }
                    #expect(count == clients.count)
                }
                try send("all four", to: upstreams)
                try upstreams[2].goDown()
                try send("one left", to: [upstreams[0], upstreams[1], upstreams[3]])
                upstreams[2].goUp()
                try send("four again", to: upstreams)
            }
        }

        @Test("Protocol 4: everyone computes the same: the tests' own choice gives the published numbers")
        func published() {
            #expect(ExpectedChoice.mix(1) == 6_238_072_747_940_578_789)
            #expect(ExpectedChoice.mix(2) == 15_839_785_061_582_574_730)
            #expect(ExpectedChoice.mix(.max) == 13_029_008_266_876_403_067)
            #expect(ExpectedChoice.node("hub-1") == 11_102_929_724_604_166_374)
            #expect(ExpectedChoice.mix(1001) >> 52 == 1811)
        }
    }
}
