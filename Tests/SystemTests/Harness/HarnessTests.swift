import Foundation
import Testing
import Wire

extension SystemTests {
    /// The instruments themselves, without a gateway: a test that fails must mean the gateway.
    @Suite struct HarnessTests {
        @Test("Harness: a client and an upstream understand each other, off the cooperative pool")
        func echo() throws {
            #expect(Thread.current.threadDictionary[BlockingTests.mark] != nil)
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            let client = try PacketClient(port: upstream.port)
            #expect(try client.exchange(Packet(7, "hello")).text == "hello")
            try client.expectNothing()
            #expect(try upstream.packets(1).map(\.text) == ["hello"])
            try upstream.goDown()
            #expect(try client.next() == nil)
            #expect(throws: Unmet.self) { try PacketClient(port: upstream.port) }
            upstream.goUp()
            #expect(try PacketClient(port: upstream.port).exchange(Packet(8, "again")).text == "again")
        }

        @Test("Harness: an upstream process echoes, answers PING, and dies when killed")
        func process() throws {
            let upstream = try UpstreamProcess()
            defer { upstream.end() }
            let client = try PacketClient(port: upstream.port)
            #expect(try client.exchange(Packet(7, "hello")).text == "hello")
            try client.expectNothing()
            upstream.signal(SIGKILL)
            #expect(try client.next() == nil)
            #expect(try upstream.child.exitCode() == -SIGKILL)
        }

        @Test("Harness: metrics are read with their labels")
        func metrics() {
            let metrics = Metrics(
                """
                # TYPE switchyard_links_open gauge
                switchyard_links_open{role="gateway",side="clients"} 3
                switchyard_links_open{role="gateway",side="route"} 2
                switchyard_build_info{version="1.0, beta"} 1
                """)
            #expect(metrics["links_open"] == 5)
            #expect(metrics["links_open", ["side": "route"]] == 2)
            #expect(metrics["links_open", ["side": "hub"]] == 0)
            #expect(metrics.knows("links_open") && metrics.knows("build_info") && !metrics.knows("links"))
        }
    }
}
