import Foundation
import NIOCore
import Synchronization
import Wire

/// One end of a connection that speaks framed binary Thrift: a client of the proxy, or an upstream server played by the test.
final class ThriftPeer: Sendable {
    struct Message: Equatable {
        var type: ThriftMessageType
        var name: String
        var sequence: Int32
        var body: [UInt8]

        /// The message of a TApplicationException: `name: reason`.
        var reason: String {
            guard body.count > 7 else { return "" }
            let length = Int(body[3]) << 24 | Int(body[4]) << 16 | Int(body[5]) << 8 | Int(body[6])
            return String(decoding: body.dropFirst(7).prefix(length), as: UTF8.self)
        }
        /// The code before the colon.
        var code: String { String(reason.prefix { $0 != ":" }) }
    }

    let socket: Socket
    private let buffer = Mutex<[UInt8]>([])

    init(_ socket: Socket) { self.socket = socket }

    static func bytes(_ type: ThriftMessageType, _ name: String, _ sequence: Int32, _ body: [UInt8]) -> [UInt8] {
        Array(ThriftEnvelope.message(ThriftForm(.framed, .binary), type, sequence: sequence, name: name) { $0.writeBytes(body) }.readableBytesView)
    }

    /// A call of `rpc` without arguments.
    func send(_ sequence: Int32) throws { try send(.call, "rpc", sequence) }

    func send(_ type: ThriftMessageType, _ name: String, _ sequence: Int32, _ body: [UInt8] = [0]) throws {
        try socket.write(ThriftPeer.bytes(type, name, sequence, body))
    }

    /// Answers a call that came here.
    func answer(_ call: Message, _ body: [UInt8] = [0], name: String? = nil) throws {
        try send(.reply, name ?? call.name, call.sequence, body)
    }

    /// The next message; nil when the peer has closed.
    func next(within limit: Duration = .seconds(10)) throws -> Message? {
        while true {
            if let message = try taken() { return message }
            switch socket.read(within: limit) {
            case .bytes(let more): buffer.withLock { $0 += more }
            case .end, .reset: return nil
            case .silence: throw Unmet("no message within \(limit)")
            }
        }
    }

    func message(within limit: Duration = .seconds(10)) throws -> Message {
        guard let message = try next(within: limit) else { throw Unmet("closed instead of a message") }
        return message
    }

    /// Bytes that were read past it belong to it all the same.
    func keep(_ bytes: [UInt8]) { buffer.withLock { $0 += bytes } }

    /// Nothing comes in that time.
    func expectNothing(for time: Duration) throws {
        switch socket.read(within: time) {
        case .silence: return
        case .bytes(let bytes): throw Unmet("\(bytes.count) bytes instead of nothing")
        case .end, .reset: throw Unmet("closed instead of nothing")
        }
    }

    private func taken() throws -> Message? {
        try buffer.withLock { buffer in
            var reader = ThriftReader(form: ThriftForm(.framed, .binary), limit: 64 << 20)
            return try buffer.withUnsafeBytes { bytes -> (Message, Int)? in
                switch reader.next(bytes) {
                case .message(let head):
                    let name = String(decoding: bytes[head.name], as: UTF8.self)
                    return (Message(type: head.type, name: name, sequence: head.sequence, body: Array(bytes[head.body])), head.count)
                case .incomplete: return nil
                case .refused(let refusal): throw Unmet(refusal.message)
                case .malformed(let error): throw error
                }
            }.map { message, count in
                buffer.removeFirst(count)
                return message
            }
        }
    }
}

extension Listener {
    /// The proxy's next connection to this upstream.
    func peer(within limit: Duration = .seconds(10)) throws -> ThriftPeer {
        try ThriftPeer(obtain("a connection to the upstream", within: limit) { accept(within: .milliseconds(100)) })
    }
}

/// An upstream that answers every call with the body it came with, on as many connections as there are, until it is stopped.
final class EchoingUpstream: Sendable {
    let listener: Listener
    private let stopped = Atomic(false)
    private let calls = Atomic(0)
    var answered: Int { calls.load(ordering: .relaxed) }

    init(_ listener: Listener) {
        self.listener = listener
        Thread.detachNewThread { [self] in
            while !stopped.load(ordering: .relaxed) {
                guard let socket = listener.accept(within: .milliseconds(50)) else { continue }
                Thread.detachNewThread { [self] in serve(ThriftPeer(socket)) }
            }
        }
    }

    private func serve(_ peer: ThriftPeer) {
        while !stopped.load(ordering: .relaxed) {
            guard let call = try? peer.next(within: .seconds(60)) else { return peer.socket.end() }
            guard call.type == .call else { continue }
            calls.wrappingAdd(1, ordering: .relaxed)
            guard (try? peer.answer(call, call.body)) != nil else { return }
        }
        peer.socket.end()
    }

    func stop() { stopped.store(true, ordering: .relaxed) }
}
