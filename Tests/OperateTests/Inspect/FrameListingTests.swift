import Foundation
import Testing
import Wire

@testable import Operate

@Suite struct FrameListingTests {
    private static let vectors: [String: String] = {
        struct File: Decodable {
            struct Entry: Decodable { var name, hex: String }
            var frames: [Entry]
        }
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let path = tests.appendingPathComponent("WireTests/vectors/rpc-frames.json")
        guard let data = try? Data(contentsOf: path), let file = try? JSONDecoder().decode(File.self, from: data) else { return [:] }
        return Dictionary(file.frames.map { ($0.name, $0.hex) }, uniquingKeysWith: { first, _ in first })
    }()

    @Test func `every golden frame is understood, alone and in a row`() throws {
        #expect(FrameListingTests.vectors.count == 13)
        for (name, hex) in FrameListingTests.vectors {
            let listing = PacketListing(of: try HexText.bytes(hex), format: .standard)
            #expect(listing.fault == nil && listing.blocks.count == 1, "\(name)")
        }
        let row = PacketListing(of: try HexText.bytes(FrameListingTests.vectors.values.joined()), format: .standard)
        #expect(row.fault == nil && row.blocks.count == 13)
    }

    @Test func `a REQUEST is taken apart`() throws {
        let listing = PacketListing(of: try HexText.bytes(try #require(FrameListingTests.vectors["REQUEST"])), format: .standard)
        #expect(
            listing.blocks == [
                """
                frame 1 at byte 0, 47 bytes
                  length       47
                  kind         16 REQUEST
                  flags        0
                  code         0
                  rpc_id       10
                  timeout_ms   5000
                  identify_id  43707
                  call_id      99
                  type         -7
                  sharding_id  -1
                  content      000102
                """
            ])
    }

    @Test func `a frame that ends early or has too little payload is named`() throws {
        let request = try HexText.bytes(try #require(FrameListingTests.vectors["REQUEST"]))
        #expect(
            PacketListing(of: Array(request.dropLast()), format: .standard).fault
                == "frame 1 at byte 0 is incomplete: its length says 47 bytes, 46 are there")
        let short = try HexText.bytes("0000002b100000000000000100000000000000000000000100000000000000010000000000000000000000")
        #expect(PacketListing(of: short, format: .standard).fault == "frame 1 at byte 0: REQUEST sharding_id: the body ends early")
    }
}
