import Foundation
import NIOCore
import Synchronization
import Testing
import Wire

/// A caller or agent of an RPC hub, written out frame by frame, with blocking calls that all end.
final class RPCPeer: Sendable {
    let socket: Socket
    /// The identify id, or instance id, that it registers with.
    let node: UInt64
    private let inbound = Mutex(ByteBuffer())

    init(port: UInt16, node: UInt64) throws {
        socket = try Socket(port: port)
        self.node = node
    }

    func send(_ frames: RPCFrame...) throws { try send(frames) }

    func send(_ frames: [RPCFrame]) throws {
        var bytes = ByteBuffer()
        for frame in frames { frame.write(to: &bytes) }
        try socket.write(Array(bytes.readableBytesView))
    }

    /// The next frame; nil when the hub closed first.
    func next(within limit: Duration = .seconds(10)) throws -> RPCFrame? {
        let end = ContinuousClock.now + limit
        while true {
            let frame = try inbound.withLock { buffer -> RPCFrame? in
                guard var frame = try RPCFrame(from: &buffer) else { return nil }
                // A copy: a slice would keep the whole buffer, and make every append copy it.
                frame.payload = ByteBuffer(buffer: frame.payload)
                return frame
            }
            if let frame { return frame }
            switch socket.read(within: end - ContinuousClock.now) {
            case .bytes(let bytes):
                inbound.withLock { buffer in
                    buffer.discardReadBytes()
                    buffer.writeBytes(bytes)
                }
            case .end, .reset: return nil
            case .silence: throw Unmet("no frame from the hub within \(limit)")
            }
        }
    }

    /// Bytes that were read beside ``next(within:)`` and belong to the next frame.
    func keep(_ bytes: ArraySlice<UInt8>) { inbound.withLock { _ = $0.writeBytes(bytes) } }

    /// The next frame that is no PEERS and no PING.
    func word(within limit: Duration = .seconds(10)) throws -> RPCFrame {
        while true {
            guard let frame = try next(within: limit) else { throw Unmet("the hub closed where a frame was expected") }
            if frame.header.kind != RPCKind.peers.rawValue, frame.header.kind != RPCKind.ping.rawValue { return frame }
        }
    }

    /// Waits for PEERS that list that id, or no longer do.
    func awaitPeers(_ rpc: UInt32, listed: Bool = true) throws {
        while true {
            guard let frame = try next() else { throw Unmet("the hub closed where PEERS was expected") }
            guard frame.header.kind == RPCKind.peers.rawValue else { continue }
            guard case .ranges(let ranges) = try Peers(body: frame.payload, format: .standard) else { return }
            if ranges.contains(where: { $0.lo <= rpc && rpc <= $0.hi }) == listed { return }
        }
    }

    /// Nothing is on its way here: the answer to a PING is the next word.
    func expectNothing(sourceLocation: SourceLocation = #_sourceLocation) throws {
        try send(RPCFrame(RPCHeader(.ping, payloadCount: 0, call: 77), payload: ByteBuffer(string: "barrier")))
        let frame = try word()
        #expect(
            frame.header.kind == RPCKind.pong.rawValue && frame.header.call == 77, "expected nothing, got \(frame.header)",
            sourceLocation: sourceLocation)
    }

    func leave() { socket.end() }
}

extension RPCPeer {
    // MARK: As a caller

    static func request(
        _ call: UInt64, rpc: UInt32 = 10, text: String = "hello", sharding: Int64 = 0, timeout: UInt32 = 0, oneway: Bool = false,
        identify: UInt64
    ) -> RPCFrame {
        var payload = ByteBuffer()
        ProtoRequest(type: 7, content: ByteBuffer(string: text), shardingID: sharding).writePayload(to: &payload)
        return RPCFrame(
            RPCHeader(.request, payloadCount: 0, oneway: oneway, rpc: rpc, timeoutMilliseconds: timeout, identify: identify, call: call),
            payload: payload)
    }

    func ask(
        _ call: UInt64, rpc: UInt32 = 10, text: String = "hello", sharding: Int64 = 0, timeout: UInt32 = 0, oneway: Bool = false
    ) throws {
        try send(RPCPeer.request(call, rpc: rpc, text: text, sharding: sharding, timeout: timeout, oneway: oneway, identify: node))
    }

    /// The next word is a REPLY to that call; its text.
    func reply(to call: UInt64, within limit: Duration = .seconds(10)) throws -> String {
        let frame = try word(within: limit)
        guard frame.header.kind == RPCKind.reply.rawValue, frame.header.call == call, frame.header.identify == node else {
            throw Unmet("expected the reply to call \(call), got \(frame.header) \(frame.reason)")
        }
        return String(buffer: try ProtoReply(payload: frame.payload).content)
    }

    /// The next word is UNDELIVERED for that call, with that code.
    @discardableResult
    func expectUndelivered(
        _ code: Code, of call: UInt64, within limit: Duration = .seconds(10), sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> String {
        let frame = try word(within: limit)
        #expect(frame.header.kind == RPCKind.undelivered.rawValue && frame.header.call == call, "\(frame.header)", sourceLocation: sourceLocation)
        #expect(Code.name(of: frame.header.code) == code.name, "\(frame.reason)", sourceLocation: sourceLocation)
        return frame.reason
    }

    /// The hub says REJECT with that code, and closes.
    func expectReject(_ code: Code, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let frame = try word()
        #expect(frame.header.kind == RPCKind.reject.rawValue, "\(frame.header)", sourceLocation: sourceLocation)
        #expect(Code.name(of: frame.header.code) == code.name, "\(frame.reason)", sourceLocation: sourceLocation)
        #expect(try next() == nil, sourceLocation: sourceLocation)
    }

    // MARK: As an agent

    /// The next word is a REQUEST.
    func take(within limit: Duration = .seconds(10)) throws -> RPCFrame {
        let frame = try word(within: limit)
        guard frame.header.kind == RPCKind.request.rawValue else { throw Unmet("expected a REQUEST, got \(frame.header)") }
        return frame
    }

    /// The next word is CANCEL for that REQUEST.
    func expectCancel(of request: RPCFrame, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let frame = try word()
        #expect(
            frame.header.kind == RPCKind.cancel.rawValue && frame.header.call == request.header.call, "\(frame.header)",
            sourceLocation: sourceLocation)
    }

    /// Answers with the content turned round.
    func answer(_ request: RPCFrame) throws { try send(RPCPeer.reply(to: request)) }

    /// - Parameter text: the content; without one it is what was asked, turned round.
    static func reply(to request: RPCFrame, text: String? = nil) throws -> RPCFrame {
        let asked = try ProtoRequest(payload: request.payload)
        var payload = ByteBuffer()
        let content = text.map { ByteBuffer(string: $0) } ?? ByteBuffer(bytes: Array(asked.content.readableBytesView).reversed())
        ProtoReply(result: asked.shardingID, type: asked.type, content: content).writePayload(to: &payload)
        return RPCFrame(
            RPCHeader(.reply, payloadCount: 0, rpc: request.header.rpc, identify: request.header.identify, call: request.header.call),
            payload: payload)
    }

    /// Says in place of an answer why there is none.
    func refuse(_ request: RPCFrame, _ code: Code, _ reason: String = "") throws {
        var frame = RPCFrame(Reject(code: code.rawValue, reason: reason))
        frame.header.kind = RPCKind.undelivered.rawValue
        (frame.header.rpc, frame.header.identify, frame.header.call) = (request.header.rpc, request.header.identify, request.header.call)
        try send(frame)
    }
}

extension RPCFrame {
    /// Of an UNDELIVERED or REJECT.
    var reason: String { (try? Reject(body: payload, format: .standard))?.reason ?? "" }
}
