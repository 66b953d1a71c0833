import Foundation
import Logging
import NIOCore
import Switchyard
import Synchronization
import TestSupport
import Testing
import Wire

/// What a Thrift server does with bytes that are no calls (rule S15).
@Suite("RPC server input", .serialized)
struct RPCServerInputTests {
    /// Runs `body` beside a client whose calls are answered before and after.
    private func withBystander(
        settings: (inout RPCServerSettings) -> Void = { _ in }, _ body: (RPCServer) async throws -> Void
    ) async throws {
        try await withRPCServer(settings: settings) { server in
            let other = try await ThriftPeer.connect(to: server.address)
            #expect(try await other.ask(1, call(1)).reply?.type == 7)
            try await body(server)
            #expect(try await other.ask(2, call(2)).reply?.type == 7)
            #expect(!other.isClosed)
        }
    }

    private func expectClosed(_ bytes: [UInt8], _ server: RPCServer, form: ThriftForm = ThriftForm(.framed, .binary)) async throws {
        let peer = try await ThriftPeer.connect(to: server.address, form: form)
        peer.say(bytes)
        try await eventually("closed for \(bytes.prefix(24))") { peer.isClosed }
        #expect(peer.heard.isEmpty)
    }

    @Test("S15: frames of a negative or a huge length, other protocols, and messages that are none close their one connection")
    func framing() async throws {
        let head: [UInt8] = [0x80, 1, 0, 1]
        let bad: [[UInt8]] = [
            [0xFF, 0xFF, 0xFF, 0xFF] + head,
            [0x80, 0, 0, 0] + head,
            [0x7F, 0xFF, 0xFF, 0xFF] + head,
            [0, 0, 0, 0] + head,
            // A strict head with a name of -1, of 2^31 - 1 and of one byte more than the frame has.
            [0, 0, 0, 12] + head + [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0],
            [0, 0, 0, 12] + head + [0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0],
            [0, 0, 0, 12] + head + [0, 0, 0, 1, 0, 0, 0, 0],
            // An unframed one of such a length; a message type that does not exist; an answer.
            head + [0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0],
            [0, 0, 0, 13, 0x80, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0],
            [0, 0, 0, 13, 0x80, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0],
            // TLS, a THeader of an unknown magic, noise.
            [0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3],
            [0, 0, 0, 32, 0x0E, 0xFF, 0, 0, 0, 0, 0, 1],
            [0xDE, 0xAD, 0xBE, 0xEF, 0xDE, 0xAD, 0xBE, 0xEF],
        ]
        try await withBystander { server in
            for bytes in bad { try await expectClosed(bytes, server) }
            for request in ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST /rpc HTTP/1.0\r\n\r\n"] { try await expectClosed(Array(request.utf8), server) }
        }
    }

    @Test("S15: the log says what closed a connection, and what it looks like")
    func log() async throws {
        let lines = LineCollector()
        let settings: (inout RPCServerSettings) -> Void = { $0.logger = lines.logger }
        try await withBystander(settings: settings) { server in
            try await expectClosed(Array("GET / HTTP/1.1\r\n\r\n".utf8), server)
            try await eventually("it is said") { lines.all.contains { $0.contains("HTTP") && $0.contains("127.0.0.1:") } }
        }
    }

    @Test("S15: a call cut at every byte, with the connection's end behind it, is no call", arguments: allForms)
    func cut(form: ThriftForm) async throws {
        let handled = Atomic<Int>(0)
        let handler: RPCHandler = { request in
            handled.wrappingAdd(1, ordering: .relaxed)
            return ProtoReply(type: request.type)
        }
        let whole = call(1, ProtoRequest(type: 7, text: "some content", shardingID: 9), form: form)
        try await withRPCServer(handler: handler) { server in
            var peers: [ThriftPeer] = []
            for length in 0..<whole.readableBytes {
                let peer = try await ThriftPeer.connect(to: server.address, form: form)
                peer.say(Array(whole.readableBytesView.prefix(length)))
                peer.endOutput()
                peers.append(peer)
            }
            for peer in peers { try await eventually("the end") { peer.isClosed } }
            #expect(peers.allSatisfy { $0.heard.isEmpty })
            #expect(handled.load(ordering: .relaxed) == 0)
            // All of it is one, and its answer comes although the client has said its last word.
            let peer = try await ThriftPeer.connect(to: server.address, form: form)
            peer.say(whole)
            peer.endOutput()
            try await eventually("the answer") { peer.isClosed }
            #expect(peer.heard.first?.reply?.type == 7)
        }
    }

    @Test("a call that comes byte by byte is one call", arguments: allForms)
    func dripped(form: ThriftForm) async throws {
        try await withRPCServer { server in
            let peer = try await ThriftPeer.connect(to: server.address, form: form)
            for byte in call(1, ProtoRequest(type: 7, text: "drop"), form: form).readableBytesView {
                peer.say([byte])
                await Task.yield()
            }
            try await eventually("the answer") { peer.heard.first?.reply?.text == "drop" }
        }
    }

    /// Bodies that claim what is not there, by the protocol that they are written in.
    private static let claims: [ThriftProtocol: [[UInt8]]] = [
        .binary: [
            // Content of 2^31 - 1 and of -1 bytes.
            [12, 0, 1, 11, 0, 2, 0x7F, 0xFF, 0xFF, 0xFF], [12, 0, 1, 11, 0, 2, 0xFF, 0xFF, 0xFF, 0xFF],
            // Unknown fields: a list of 2^31 - 1 i64, a set of as many structures, a map of as many pairs, a type that does not exist.
            [15, 0, 9, 10, 0x7F, 0xFF, 0xFF, 0xFF], [14, 0, 9, 12, 0x7F, 0xFF, 0xFF, 0xFF], [13, 0, 9, 8, 8, 0x7F, 0xFF, 0xFF, 0xFF], [99, 0, 1],
        ],
        .compact: [
            [0x1C, 0x28, 0xFF, 0xFF, 0xFF, 0xFF, 0x07], [0x1C, 0x28, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
            [0x99, 0xF6, 0xFF, 0xFF, 0xFF, 0xFF, 0x07], [0x9A, 0xFC, 0xFF, 0xFF, 0xFF, 0xFF, 0x07],
            [0x9B, 0xFF, 0xFF, 0xFF, 0xFF, 0x07, 0x55], [0x9E],
        ],
    ]

    @Test("S15: containers and texts that claim 2^31 get an exception in a frame, and close an unframed connection", arguments: [true, false])
    func claims(isFramed: Bool) async throws {
        try await withBystander { server in
            for (encoding, bodies) in RPCServerInputTests.claims {
                let form = ThriftForm(isFramed ? .framed : .unframed, encoding)
                for body in bodies {
                    let peer = try await ThriftPeer.connect(to: server.address, form: form)
                    peer.say(call(1, arguments: body, form: form))
                    guard isFramed else {
                        try await eventually("closed for \(encoding) \(body)") { peer.isClosed }
                        #expect(peer.heard.isEmpty)
                        continue
                    }
                    try await eventually("the exception for \(encoding) \(body)") { !peer.heard.isEmpty }
                    #expect(peer.heard.first?.exception?.kind == .protocolError, "\(body)")
                    #expect(peer.heard.first?.exception?.message.hasPrefix("badRequest: ") == true)
                    #expect(try await peer.ask(2, call(2, form: form)).reply?.type == 7)
                }
            }
        }
    }

    /// Arguments whose field 9 is that many structures within each other.
    private func nested(_ depth: Int, _ encoding: ThriftProtocol) -> [UInt8] {
        var body: [UInt8] = encoding == .compact ? [0x9C] : [12, 0, 9]
        for _ in 1..<depth { body += encoding == .compact ? [0x1C] : [12, 0, 1] }
        return body + [UInt8](repeating: 0, count: depth + 1)
    }

    @Test("S15: nesting to 64 levels is served, deeper closes the connection, in a frame behind an exception", arguments: allForms)
    func depth(form: ThriftForm) async throws {
        // An unframed message is walked with its arguments as the first level; in a frame only the unknown field is.
        let most = form.transport == .unframed ? 63 : 64
        try await withBystander { server in
            let peer = try await ThriftPeer.connect(to: server.address, form: form)
            #expect(try await peer.ask(1, call(1, arguments: nested(most, form.protocol), form: form)).reply != nil)
            peer.say(call(2, arguments: nested(65, form.protocol), form: form))
            try await eventually("the end") { peer.isClosed }
            let last = peer.heard.dropFirst()
            #expect(form.transport == .unframed ? last.isEmpty : last.map(\.exception?.kind) == [.protocolError])
        }
    }

    @Test("S15: a length that is claimed costs no memory")
    func memory() async throws {
        try await withBystander { server in
            var peers: [ThriftPeer] = []
            let before = residentBytes()
            // 200 claims of 15 MiB would be 3 GiB.
            for _ in 0..<200 {
                let peer = try await ThriftPeer.connect(to: server.address)
                peer.say([0, 0xF0, 0, 0, 0x80, 1, 0, 1, 0, 0, 0, 3] + Array("rpc".utf8))
                peers.append(peer)
            }
            let last = try await ThriftPeer.connect(to: server.address)
            #expect(try await last.ask(1, call(1)).reply != nil)
            #expect(residentBytes() - before < 300 << 20)
            for peer in peers { peer.close() }
        }
    }

    @Test("S15: mutations of calls never stop the server", arguments: allForms)
    func mutations(form: ThriftForm) async throws {
        var random = Seeded(form.description.utf8.reduce(5) { $0 &* 31 &+ UInt64($1) })
        let whole = Array(call(1, ProtoRequest(type: 7, text: "some content", shardingID: 9), form: form).readableBytesView)
        try await withBystander { server in
            var peers: [ThriftPeer] = []
            for _ in 0..<150 {
                var bytes = whole
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: .min ... .max, using: &random)
                }
                let peer = try await ThriftPeer.connect(to: server.address, form: form)
                peer.say(bytes + whole)
                peer.endOutput()
                peers.append(peer)
            }
            for peer in peers { try await eventually("the end") { peer.isClosed } }
        }
    }
}

/// What the process holds, in bytes.
private func residentBytes() -> Int {
    let statistics = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
    return (Int(statistics.split(separator: " ").dropFirst().first ?? "") ?? 0) * 4096
}

/// Keeps what is logged.
private final class LineCollector: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    var logger: Logger { Logger(label: "test") { [self] _ in Handler(collector: self) } }

    private struct Handler: LogHandler {
        let collector: LineCollector
        var metadata = Logger.Metadata()
        var logLevel = Logger.Level.trace
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        init(collector: LineCollector) { self.collector = collector }

        func log(event: LogEvent) { collector.lines.withLock { $0.append("\(event.message)") } }
    }
}
