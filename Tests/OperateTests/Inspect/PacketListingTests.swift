import Foundation
import Testing
import Wire

@testable import Operate

@Suite struct PacketListingTests {
    /// The golden packets, shared with the tests of the wire.
    private static let vectors: [String: String] = {
        struct File: Decodable {
            struct Entry: Decodable {
                var name: String
                var hex: String?
            }
            var packets: [Entry]
        }
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let path = tests.appendingPathComponent("WireTests/vectors/packets.json")
        guard let data = try? Data(contentsOf: path), let file = try? JSONDecoder().decode(File.self, from: data) else { return [:] }
        let pairs = file.packets.compactMap { entry in entry.hex.map { (entry.name, $0) } }
        return Dictionary(pairs, uniquingKeysWith: { first, _ in first })
    }()

    private func listing(_ name: String) throws -> PacketListing {
        PacketListing(of: try HexText.bytes(try #require(PacketListingTests.vectors[name])), format: .standard)
    }

    /// The one block of a golden packet, without its first line.
    private func lines(_ name: String) throws -> [String] {
        let listing = try listing(name)
        #expect(listing.fault == nil)
        return try #require(listing.blocks.first).split(separator: "\n").dropFirst().map(String.init)
    }

    @Test func `every golden packet is understood`() throws {
        #expect(PacketListingTests.vectors.count > 10)
        for name in PacketListingTests.vectors.keys {
            let listing = try listing(name)
            #expect(listing.fault == nil, "\(name)")
            #expect(listing.blocks.count == 1, "\(name)")
        }
    }

    @Test func `a header is shown by the names of its fields`() throws {
        #expect(
            try listing("empty body").blocks == [
                """
                packet 1 at byte 0, 28 bytes
                  Pack_len     28
                  Pack_type    7
                  User_id      1001
                  Token        77
                  Es_id        3
                  Session      72623859790382856 (0x102030405060708)
                  body         (empty)
                """
            ])
    }

    @Test func `a HELLO is taken apart`() throws {
        let lines = try lines("HELLO service")
        #expect(lines.contains("  Pack_type    0xFF01 HELLO"))
        #expect(lines.contains("  role         2 service"))
        #expect(lines.contains("  flags        0x0001 SESSION_CLOSED wanted"))
        #expect(lines.contains("  claims       7, 100-199"))
        #expect(lines.contains("  name         \"chat\""))
    }

    @Test func `UNDELIVERED shows the lost packet`() throws {
        let lines = try lines("UNDELIVERED")
        #expect(lines.contains("  code         1 noRoute"))
        #expect(lines.contains("  reason       \"no service for type 100 in cluster 1\""))
        #expect(lines.contains("    Pack_type    100"))
        #expect(lines.last == "    body begins  \"hi\"")
    }

    @Test func `MULTICAST shows its sessions and its packet`() throws {
        let lines = try lines("MULTICAST")
        #expect(lines.contains("  sessions     5, 6"))
        #expect(lines.contains("    Pack_type    150"))
        #expect(lines.last == "    body         \"news\"")
        #expect(try self.lines("MULTICAST everyone").contains("  Es_id        4294967295 (every edge)"))
    }

    @Test func `codes are named`() throws {
        #expect(try lines("SESSION_CLOSED").last == "  code         18 idle")
        #expect(try lines("KICK").suffix(2) == ["  code         13 takenOver", "  reason       \"gone é\""])
        #expect(try lines("PEERS, everything").last == "  reachable    everything")
    }

    @Test func `other byte orders and lengths are read as told`() throws {
        let bytes = try HexText.bytes("05000700e9030000000000004d00000003000000050000000000000068656c6c6f")
        let listing = PacketListing(of: bytes, format: WireFormat(byteOrder: .little, length: .body))
        #expect(listing.fault == nil)
        #expect(listing.blocks.first?.contains("  Pack_len     5\n  Pack_type    7\n  User_id      1001\n") == true)
        #expect(listing.blocks.first?.hasSuffix("\"hello\"") == true)
    }

    @Test func `several packets in a row make several blocks, and the rest is named`() throws {
        let one = try #require(PacketListingTests.vectors["body"])
        let listing = PacketListing(of: try HexText.bytes(one + one + "0040"), format: .standard)
        #expect(listing.blocks.count == 2)
        #expect(listing.blocks.last?.hasPrefix("packet 2 at byte 33, 33 bytes\n") == true)
        #expect(listing.fault == "packet 3 at byte 66 is incomplete: its length says 64 bytes, 2 are there")
    }

    @Test(arguments: [
        ("", "no bytes: nothing to decode"), ("00", "packet 1 at byte 0 is incomplete: 1 byte of a length"),
        ("001b", "packet 1 at byte 0: Pack_len gives a packet of 27 bytes; the least is 28; are the byte order and the length option right?"),
    ])
    func `what is no packet is said in one line`(hex: String, fault: String) throws {
        let listing = PacketListing(of: try HexText.bytes(hex), format: .standard)
        #expect(listing.blocks.isEmpty)
        #expect(listing.fault == fault)
    }

    @Test func `a control packet with a broken body is shown as bytes`() throws {
        let hex = "001eff06" + String(repeating: "00", count: 24) + "0001"
        let listing = PacketListing(of: try HexText.bytes(hex), format: .standard)
        #expect(listing.blocks.first?.hasSuffix("  body         0001") == true)
        #expect(listing.fault == "packet 1 at byte 0: DRAIN deadline: the body ends early")
    }

    @Test func `bodies that are not text are hex, and nothing steers the terminal`() {
        #expect(BodyText.text("tab\tand é".utf8) == "tab\tand é")
        #expect(BodyText.text("\u{1B}[2J".utf8) == nil)
        #expect(BodyText.text([0xFF, 0xFE]) == nil)
        #expect(BodyText.lines(of: Array("a\"b\n".utf8)) == ["\"a\\\"b\\n\""])
        #expect(BodyText.lines(of: [UInt8](repeating: 0, count: 33)) == [String(repeating: "00", count: 32), "00"])
    }
}
