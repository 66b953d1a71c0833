import NIOCore
import Telemetry
import Testing
import Wire

@testable import Operate

@Suite("Taps", .timeLimit(.minutes(1)))
struct TapTests {
    private func packet(_ type: UInt16, user: UInt64 = 0, session: UInt64, body: Int = 4) -> [UInt8] {
        var buffer = ByteBuffer()
        Packet(header: PacketHeader(bodyCount: body, type: type, user: user, session: session), body: ByteBuffer(repeating: 7, count: body))
            .write(to: &buffer)
        return Array(buffer.readableBytesView)
    }

    private func heard(_ output: TapOutput) async -> [String] {
        output.finish()
        var text = ""
        for await chunk in output.chunks { text += String(buffer: chunk) }
        return text.split(separator: "\n").map(String.init)
    }

    private func link(_ id: UInt64, session: UInt64? = nil, user: UInt64? = nil) -> TappedLink {
        TappedLink(id: id, side: "route", local: "a", remote: "b", session: session, user: user, framing: .packets(.standard))
    }

    @Test("A session's packets are told wherever the stream is cut, and no one else's", arguments: [1, 5, 28, 31, 1000])
    func cut(size: Int) async throws {
        let output = TapOutput(most: 1 << 20)
        let tap = TraceTap(session: 5, user: nil, lines: 100, output: output)
        let bytes = packet(7, session: 5) + packet(8, session: 6) + packet(9, session: 5, body: 40) + packet(10, session: 5)
        for start in stride(from: 0, to: bytes.count, by: size) {
            bytes[start..<min(start + size, bytes.count)].withUnsafeBytes { tap.bytes($0, of: link(1), .out) }
        }
        let lines = await heard(output)
        #expect(lines.count == 3)
        for (line, type) in zip(lines, [7, 9, 10]) { #expect(line.contains("type \(type),")) }
    }

    @Test("A client's packets come without its session, and are told by the link; a user's by the stamp")
    func client() async throws {
        let output = TapOutput(most: 1 << 20)
        let tap = TraceTap(session: nil, user: 1001, lines: 100, output: output)
        packet(7, session: 0).withUnsafeBytes { tap.bytes($0, of: link(1, session: 5, user: 1001), .in) }
        packet(7, user: 1001, session: 5).withUnsafeBytes { tap.bytes($0, of: link(2), .out) }
        packet(8, user: 0, session: 5).withUnsafeBytes { tap.bytes($0, of: link(2), .in) }
        packet(9, user: 1002, session: 6).withUnsafeBytes { tap.bytes($0, of: link(2), .in) }
        let lines = await heard(output)
        #expect(lines.count == 3 && lines[0].contains("from route") && lines[1].contains("to   route") && lines[2].contains("type 8,"))
    }

    @Test("A trace ends at its number of lines, and a capture at its size; the one who does not read costs pieces, not memory")
    func bounds() async throws {
        let output = TapOutput(most: 1 << 20)
        let tap = TraceTap(session: 5, user: nil, lines: 3, output: output)
        for _ in 0..<10 { packet(7, session: 5).withUnsafeBytes { tap.bytes($0, of: link(1), .in) } }
        #expect(await heard(output).count == 3)

        let small = TapOutput(most: 1000)
        let capture = CaptureTap(side: nil, output: small)
        for _ in 0..<100 { packet(7, session: 5).withUnsafeBytes { capture.bytes($0, of: link(1), .in) } }
        var total = 0
        for await chunk in small.chunks { total += chunk.readableBytes }
        #expect(total > 0 && total <= 1000)

        let slow = TapOutput(most: 1 << 30)
        let piece = ByteBuffer(repeating: 0, count: 1 << 20)
        #expect((0..<20).count { _ in slow.write(piece) } == 8 && slow.omissions == 12)
        slow.taken(1 << 20)
        #expect(slow.write(piece))
    }
}
