import Foundation
import NIOCore
import Telemetry
import Testing

@testable import Operate

@Suite("top")
struct TopScreenTests {
    private func snapshot(_ milliseconds: Int64, packets: Int, state: String = "up", depths: [Int] = []) throws -> LiveSnapshot {
        let text = """
            {"milliseconds":\(milliseconds),"canAct":false,"isOutOfRotation":false,
            "status":{"name":"edge-1","version":"0.1","uptimeSeconds":3723,"state":"serving","roles":[{"role":"gateway","state":"serving",
            "listeners":[{"side":"clients","address":"127.0.0.1:7000"}],"links":3,"peers":[
            {"route":"chat","address":"10.0.0.1:7100#0","state":"up","queuedBytes":0},
            {"route":"chat","address":"10.0.0.2:7100#0","state":"\(state)","queuedBytes":2048}]}]},
            "routes":[],"registry":[],"pools":[],"lanes":[{"role":"echo","depths":\(depths),"stalls":2}],"pending":[],
            "numbers":[{"name":"packets_total","labels":{"role":"gateway","route":"chat","direction":"in"},"value":\(packets)},
            {"name":"undelivered_total","labels":{"role":"gateway","route":"chat","code":"noPeer"},"value":7}]}
            """
        return try JSONDecoder().decode(LiveSnapshot.self, from: Data(text.utf8))
    }

    @Test("Rates come from two snapshots, and whoever is not well stands first")
    func picture() throws {
        let screen = TopScreen(before: try snapshot(1000, packets: 100), now: try snapshot(3000, packets: 50_100, state: "down", depths: [0, 3, 5]))
        let lines = screen.lines(width: 200, height: 100, color: false)
        #expect(lines[0] == "edge-1  serving  up 1h 2m  0.1")
        let role = try #require(lines.first { $0.hasPrefix("gateway  ") && $0.contains("127.0.0.1:7000") })
        #expect(role.contains("25.0k"))
        let peers = lines.filter { $0.contains(":7100#0") }
        #expect(peers.count == 2 && peers[0].contains("10.0.0.2") && peers[0].contains("down") && peers[0].hasSuffix("2.0KiB"))
        #expect(lines.contains { $0.contains("undelivered_total") && $0.contains("code=noPeer") && $0.contains("7") })
        #expect(lines.contains("LANES echo: 2 of 3 busy, deepest 5, 2 stalls"))
    }

    @Test("It fits the terminal, and colours take no room")
    func size() throws {
        let screen = TopScreen(before: try snapshot(1000, packets: 0), now: try snapshot(2000, packets: 0, state: "down"))
        let lines = screen.lines(width: 20, height: 4, color: true)
        #expect(lines.count == 4)
        for line in lines { #expect(line.replacing(/\u{1B}\[[0-9]*m/, with: "").count <= 20) }
    }

    @Test("The stream of snapshots may be cut anywhere")
    func stream() throws {
        let one = String(decoding: try JSONEncoder().encode(try snapshot(1, packets: 1)), as: UTF8.self)
        let bytes = Array("data: \(one)\n\ndata: \(one)\n\n".utf8)
        for size in [1, 7, 100, bytes.count] {
            var feed = TopFeed()
            var count = 0
            for start in stride(from: 0, to: bytes.count, by: size) {
                count += try feed.receive(ByteBuffer(bytes: bytes[start..<min(start + size, bytes.count)])).count
            }
            #expect(count == 2, "\(size)")
        }
    }
}
