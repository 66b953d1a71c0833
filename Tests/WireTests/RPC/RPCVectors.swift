import Foundation
import NIOCore
import Testing
import Wire

/// The golden bytes of `vectors/rpc-frames.json`.
struct RPCVectors: Decodable {
    struct Malformed: Decodable, CustomTestStringConvertible {
        var name, hex, wants: String
        var testDescription: String { name }
    }

    var frames: [GoldenFrame]
    var malformed: [Malformed]

    static let all: RPCVectors = {
        guard let url = Bundle.module.url(forResource: "rpc-frames", withExtension: "json", subdirectory: "vectors") else {
            preconditionFailure("rpc-frames.json is not among the test's resources")
        }
        do {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            return try decoder.decode(RPCVectors.self, from: Data(contentsOf: url))
        } catch {
            preconditionFailure("rpc-frames.json: \(error)")
        }
    }()
}

/// One frame: its bytes, and the fields that they must give.
struct GoldenFrame: Decodable, CustomTestStringConvertible {
    struct Fields: Decodable {
        var role, token, display, reason, opaque, content: String?
        var node, hub, identifyId, callId: UInt64?
        var flags, code: UInt16?
        var window, heartbeatMs, maxFrame, deadlineMs, rpcId, timeoutMs: UInt32?
        var claims, ranges: [[UInt32]]?
        var oneway: Bool?
        var type: Int32?
        var shardingId, result: Int64?
    }

    var name: String
    var hex: String
    var fields: Fields
    var testDescription: String { name }
    var bytes: ByteBuffer { ByteBuffer(hex: hex) }

    var kind: RPCKind {
        let word = name.prefix { $0.isUppercase }
        guard let kind = RPCKind.allCases.first(where: { $0.name == word }) else { preconditionFailure("no kind \(word)") }
        return kind
    }

    /// The frame that the fields describe.
    var frame: RPCFrame {
        switch kind {
        case .hello: RPCFrame(.hello, hello)
        case .welcome: RPCFrame(.welcome, welcome)
        case .reject: RPCFrame(Reject(code: fields.code ?? 0, reason: fields.reason ?? ""))
        case .drain: RPCFrame(.drain, Drain(deadlineMilliseconds: fields.deadlineMs ?? 0))
        case .peers: RPCFrame(.peers, Peers.ranges(claims(fields.ranges)))
        case .ping, .pong: RPCFrame(header, payload: ByteBuffer(hex: fields.opaque ?? ""))
        case .undelivered: undelivered
        case .request:
            RPCFrame(
                header, payload: payload(ProtoRequest(type: fields.type ?? 0, content: content, shardingID: fields.shardingId ?? 0).writePayload))
        case .reply: RPCFrame(header, payload: payload(ProtoReply(result: fields.result ?? 0, type: fields.type ?? 0, content: content).writePayload))
        case .cancel: RPCFrame(header)
        }
    }

    private var hello: Hello {
        Hello(
            role: fields.role == "agent" ? .agent : .caller, flags: Hello.Flags(rawValue: fields.flags ?? 0), node: fields.node ?? 0,
            window: fields.window ?? 0, claims: claims(fields.claims), token: Array((fields.token ?? "").utf8), name: fields.display ?? "")
    }

    private var welcome: Welcome {
        Welcome(
            hub: fields.hub ?? 0, heartbeatMilliseconds: fields.heartbeatMs ?? 0, maxFrame: fields.maxFrame ?? 0, name: fields.display ?? "")
    }

    private var content: ByteBuffer { ByteBuffer(hex: fields.content ?? "") }

    private var header: RPCHeader {
        RPCHeader(
            kind, payloadCount: 0, oneway: fields.oneway ?? false, rpc: fields.rpcId ?? 0, timeoutMilliseconds: fields.timeoutMs ?? 0,
            identify: fields.identifyId ?? 0, call: fields.callId ?? 0)
    }

    private var undelivered: RPCFrame {
        let frame = RPCUndelivered(
            code: fields.code ?? 0, rpc: fields.rpcId ?? 0, identify: fields.identifyId ?? 0, call: fields.callId ?? 0,
            reason: fields.reason ?? "")
        var buffer = ByteBuffer()
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: frame.header.length) { bytes in
            frame.store(to: bytes.baseAddress!)
            return frame.header.length
        }
        buffer.moveReaderIndex(forwardBy: RPCHeader.size)
        return RPCFrame(frame.header, payload: buffer)
    }

    private func payload(_ write: (inout ByteBuffer) -> Void) -> ByteBuffer {
        var buffer = ByteBuffer()
        write(&buffer)
        return buffer
    }

    private func claims(_ pairs: [[UInt32]]?) -> [Claim] { (pairs ?? []).map { Claim($0[0], $0[1]) } }
}
