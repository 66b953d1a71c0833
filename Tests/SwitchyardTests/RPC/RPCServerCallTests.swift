import Logging
import NIOCore
import Switchyard
import Synchronization
import Telemetry
import Testing
import Wire

/// What callers of a Thrift server are answered.
@Suite("RPC server calls", .serialized)
struct RPCServerCallTests {
    @Test("a function is called in every transport and protocol, and answers in the form of the question", arguments: allForms)
    func forms(form: ThriftForm) async throws {
        try await withRPCServer { server in
            let peer = try await ThriftPeer.connect(to: server.address, form: form)
            for (sequence, size) in [0, 1, 100, 70_000, 1 << 20].enumerated() {
                let content = ByteBuffer(bytes: (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) })
                let request = ProtoRequest(type: Int32(size), content: content, shardingID: -Int64(size))
                let answer = try await peer.ask(Int32(sequence), call(Int32(sequence), request, form: form))
                #expect(answer.form == form && answer.name == "rpc")
                #expect(answer.reply == ProtoReply(result: -Int64(size), type: Int32(size), content: content))
            }
            #expect(peer.failure == nil)
        }
    }

    @Test("absent fields are 0 and empty, unknown ones are passed over")
    func fields() async throws {
        try await withRPCServer { server in
            let peer = try await ThriftPeer.connect(to: server.address)
            #expect(try await peer.ask(1, call(1, arguments: [0])).reply == ProtoReply())
            // Field 1, a structure, with field 9, a byte, in front of field 1, an i32.
            let unknown: [UInt8] = [12, 0, 1, 3, 0, 9, 77, 8, 0, 1, 0, 0, 0, 5, 0, 0]
            #expect(try await peer.ask(2, call(2, arguments: unknown)).reply == ProtoReply(type: 5))
        }
    }

    @Test("S1: a method that nobody registered is answered UNKNOWN_METHOD, and the connection goes on")
    func unknownMethod() async throws {
        try await withRPCServer { server in
            let peer = try await ThriftPeer.connect(to: server.address)
            let refused = try await peer.ask(1, call(1, name: "unheard"))
            #expect(refused.exception == ThriftException(.unknownMethod, "noRoute: there is no method unheard"))
            #expect(refused.name == "unheard")
            #expect(try await peer.ask(2, call(2)).reply != nil)
        }
    }

    @Test("S1: what a handler throws is answered: a code with its reason, an exception as it is, anything else without its details")
    func thrown() async throws {
        struct Secret: Error {}
        let handler: RPCHandler = { request in
            switch request.type {
            case 1: throw ThriftException(.busy, "come back later")
            case 2: throw ThriftException(.invalidTransform, "no such transform")
            case 3: throw Secret()
            default: return ProtoReply(type: request.type)
            }
        }
        let inline: RPCInlineHandler = { request in
            guard request.type == 1 else { throw Secret() }
            throw ThriftException(.busy, "inline")
        }
        let register: (RPCServer) -> Void = { $0.register("now", inline: inline) }
        try await withRPCServer(register: register, handler: handler) { server in
            let peer = try await ThriftPeer.connect(to: server.address)
            let answers = try await [1, 2, 3].asyncMap { try await peer.ask($0, call($0, ProtoRequest(type: $0))).exception }
            #expect(answers[0] == ThriftException(.internalError, "busy: come back later"))
            #expect(answers[1] == ThriftException(.invalidTransform, "no such transform"))
            #expect(answers[2] == ThriftException(.internalError, "internal: the handler failed"))
            #expect(try await peer.ask(4, call(4, ProtoRequest(type: 1), name: "now")).exception?.message == "busy: inline")
            #expect(try await peer.ask(5, call(5, name: "now")).exception?.message == "internal: the handler failed")
            #expect(try await peer.ask(6, call(6, ProtoRequest(type: 9))).reply?.type == 9)
        }
    }

    @Test("a raw method gets its arguments and gives its result as bytes, in either protocol; an empty result is a void one", arguments: allForms)
    func raw(form: ThriftForm) async throws {
        let seen = Mutex<[RPCRawCall]>([])
        let register: (RPCServer) -> Void = { server in
            server.register("deep") { (call: RPCRawCall) in
                seen.withLock { $0.append(call) }
                return call.arguments
            }
            server.register("nothing") { (_: RPCRawCall) in ByteBuffer() }
            server.register("broken") { (_: RPCRawCall) in ByteBuffer(bytes: [1, 2, 3]) }
        }
        // Field 1, a bool that is true.
        let arguments: [UInt8] = form.protocol == .compact ? [0x11, 0] : [2, 0, 1, 1, 0]
        try await withRPCServer(register: register) { server in
            let peer = try await ThriftPeer.connect(to: server.address, form: form)
            let answer = try await peer.ask(1, call(1, arguments: arguments, form: form, name: "deep"))
            #expect(answer.type == .reply && Array(answer.body.readableBytesView) == arguments)
            #expect(seen.withLock { $0.first?.method } == "deep")
            #expect(seen.withLock { $0.first?.protocol } == (form.protocol == .compact ? .compact : .binary))
            let void = try await peer.ask(2, call(2, arguments: [0], form: form, name: "nothing"))
            #expect(void.type == .reply && Array(void.body.readableBytesView) == [0])
            // Bytes that are no structure would break what follows them.
            #expect(try await peer.ask(3, call(3, arguments: [0], form: form, name: "broken")).exception?.message == "internal: the handler failed")
            #expect(try await peer.ask(4, call(4, form: form)).reply?.type == 7)
        }
    }

    @Test("a multiplexed name finds its method, first as a whole, and the answer carries the method alone")
    func multiplexed() async throws {
        let register: (RPCServer) -> Void = { $0.register("second:rpc") { _ in ProtoReply(type: 2) } }
        try await withRPCServer(register: register) { server in
            let peer = try await ThriftPeer.connect(to: server.address)
            let first = try await peer.ask(1, call(1, name: "first:rpc"))
            #expect(first.reply?.type == 7 && first.name == "rpc")
            #expect(try await peer.ask(2, call(2, name: "second:rpc")).reply?.type == 2)
        }
    }

    @Test("calls are counted by method and outcome")
    func counted() async throws {
        let handler: RPCHandler = { request in
            switch request.type {
            case 1: throw ThriftException(.busy, "no")
            case 2: throw CancellationError()
            default: return ProtoReply()
            }
        }
        let settings: (inout RPCServerSettings) -> Void = { $0.name = "mine" }
        try await withRPCServer(settings: settings, handler: handler) { server in
            let peer = try await ThriftPeer.connect(to: server.address)
            for type in [1, 2, 3, 4] as [Int32] { _ = try await peer.ask(type, call(type, ProtoRequest(type: type))) }
            _ = try await peer.ask(5, call(5, name: "unheard"))
            _ = try await peer.ask(6, call(6, arguments: [99]))
            let samples = await server.samples()
            func sum(_ metric: Metric, _ labels: String...) -> Int {
                samples.filter { $0.metric == metric && $0.labels == ["mine"] + labels }.reduce(0) { $0 + $1.value }
            }
            #expect(sum(.calls, "rpc", "ok") == 2)
            #expect(sum(.calls, "rpc", "exception") == 1)
            #expect(sum(.calls, "rpc", "internal") == 1)
            #expect(sum(.calls, "rpc", "badRequest") == 1)
            #expect(sum(.calls, "none", "noRoute") == 1)
            #expect(sum(.callSeconds, "rpc") == 4)
            #expect(sum(.callsInFlight, "rpc") == 0)
            #expect(sum(.linksOpen, "clients") == 1)
        }
    }

    @Test("S23: a oneway call is handled and answered nothing, whatever its handler does")
    func oneway() async throws {
        let told = Mutex<[Int32]>([])
        let handler: RPCHandler = { request in
            told.withLock { $0.append(request.type) }
            if request.type == 2 { throw ThriftException(.busy, "nobody hears") }
            return ProtoReply(type: request.type)
        }
        try await withRPCServer(handler: handler) { server in
            let peer = try await ThriftPeer.connect(to: server.address)
            for type in [1, 2] as [Int32] { peer.say(call(type, ProtoRequest(type: type), oneway: true)) }
            peer.say(call(3, name: "unheard", oneway: true))
            #expect(try await peer.ask(4, call(4, ProtoRequest(type: 4))).reply?.type == 4)
            try await eventually("all were handled") { told.withLock { $0.sorted() } == [1, 2, 4] }
            #expect(peer.heard.map(\.sequence) == [4])
        }
    }
}

extension Sequence where Element: Sendable {
    /// One after the other.
    fileprivate func asyncMap<T>(_ transform: (Element) async throws -> T) async rethrows -> [T] {
        var results: [T] = []
        for element in self { results.append(try await transform(element)) }
        return results
    }
}
