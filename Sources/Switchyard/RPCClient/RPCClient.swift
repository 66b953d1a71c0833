public import Links
public import NIOCore
public import ServiceLifecycle
import Synchronization
import ThriftLink
public import Wire

/// Calls Thrift servers: pooled connections, deadlines, pipelining where the servers bear it, and one outcome for every call.
///
/// ```swift
/// import Switchyard
///
/// let client = RPCClient(to: [.host("10.0.1.1", port: 9100), .host("10.0.1.2", port: 9100)])
/// let reply = try await client.call(ProtoRequest(type: 7, text: "hello"))
/// await client.close()
/// ```
///
/// Connections are dialed at the first call, or by ``start()``, and dialed again for ever. A call of which no byte was written when its
/// connection died goes out on another one, once, and so does one that a server refused without beginning it: `draining`, `noRoute`,
/// `neverSent` (rule S3). A server that fails five times in a row is left out for a while (rule S20).
/// A call whose task is cancelled throws `CancellationError` at once; its answer is dropped when it comes, and until then it keeps its
/// place on the connection.
///
/// May be used from any task; all of its connections live on one event loop.
public final class RPCClient: Service {
    private let settings: RPCClientSettings
    private let core: RPCClientLoop

    /// A client of these servers with default settings.
    public convenience init(to servers: [Endpoint]) { self.init(RPCClientSettings(to: servers)) }

    /// A client that dials at once.
    /// - Parameters:
    ///   - settings: its servers, and how it speaks to them.
    ///   - group: one of its event loops serves the connections.
    public init(_ settings: RPCClientSettings, group: any EventLoopGroup = EventLoops.shared) {
        self.settings = settings
        core = RPCClientLoop(settings, eventLoop: group.next())
    }

    deinit {
        // Whoever forgot to close it waits for nothing any more.
        let core = core
        if !core.isClosed.load(ordering: .relaxed) { core.loop.eventLoop.execute { _ = core.leave(within: .zero) } }
    }

    // MARK: - Calls

    /// Calls a function.
    /// - Parameters:
    ///   - request: its argument.
    ///   - method: nil is ``RPCClientSettings/method``. `service:method` multiplexes.
    ///   - timeout: from now to the answer; nil is ``RPCClientSettings/timeout``.
    /// - Throws: ``RPCError`` when there is no answer; ``ThriftException`` when the server answers with one; `CancellationError` when the
    ///   task is cancelled.
    public func call(_ request: ProtoRequest, method: String? = nil, timeout: TimeAmount? = nil) async throws -> ProtoReply {
        let encoding = settings.protocol.encoding
        let answer = try await outcome(
            RPCClientCall(method ?? settings.method, isOneway: false, key: request.shardingID, timeout: timeout ?? settings.timeout) {
                ThriftBody.write(request, encoding: encoding, to: &$0)
            })
        let result = try read(answer) { (body) throws(WireError) in
            try ThriftBody.result(body, body: 0..<body.readableBytes, encoding: answer.encoding)
        }
        switch result {
        case .success(let reply): return reply
        case .declared(let field): throw RPCError(.remoteException, "a declared exception came, in field \(field)")
        case .nothing: throw ThriftException(.missingResult, "the answer holds no result")
        }
    }

    /// Calls a method that has other arguments or another result than ``ProtoRequest`` and ``ProtoReply``.
    /// - Parameters:
    ///   - method: its name. `service:method` multiplexes.
    ///   - arguments: one structure with the arguments as its fields, in the client's protocol.
    ///   - shardingID: what `hash` goes by.
    ///   - timeout: from now to the answer; nil is ``RPCClientSettings/timeout``.
    /// - Returns: one structure, in the client's protocol: field 0 is the result, another field a declared exception; no field for `void`.
    /// - Throws: as ``call(_:method:timeout:)``; ``RPCError`` `badRequest` when `arguments` are no structure.
    public func call(_ method: String, raw arguments: ByteBuffer, shardingID: Int64 = 0, timeout: TimeAmount? = nil) async throws -> ByteBuffer {
        try check(arguments)
        let answer = try await outcome(
            RPCClientCall(method, isOneway: false, key: shardingID, timeout: timeout ?? settings.timeout) { $0.writeImmutableBuffer(arguments) })
        try read(answer) { (_) throws(WireError) in }
        return answer.body
    }

    /// Makes a oneway call: returns when it stands in a connection's queue, and nobody hears what becomes of it (rule S23).
    public func tell(_ request: ProtoRequest, method: String) async throws {
        let encoding = settings.protocol.encoding
        let call = RPCClientCall(method, isOneway: true, key: request.shardingID, timeout: settings.timeout) {
            ThriftBody.write(request, encoding: encoding, to: &$0)
        }
        _ = try await outcome(call)
    }

    private func outcome(_ call: RPCClientCall) async throws -> RPCClientCall.Answer {
        guard call.message.readableBytes + 32 <= settings.maxFrame else {
            throw RPCError(.tooLarge, "the call has \(call.message.readableBytes) bytes; maxFrame is \(settings.maxFrame)")
        }
        return try await call.wait { [core] call in
            if !core.box.put(call) { call.fail(.draining, RPCClientLoop.closed) }
        }
    }

    private func check(_ arguments: ByteBuffer) throws(RPCError) {
        let fault = arguments.withUnsafeReadableBytes { ThriftBody.fault(inStructure: $0, encoding: settings.protocol.encoding) }
        if let fault { throw RPCError(.badRequest, "the arguments are \(fault.description)") }
    }

    /// Throws the exception that an answer is, else what `work` makes of its body.
    private func read<T>(_ answer: RPCClientCall.Answer, _ work: (ByteBuffer) throws(WireError) -> T) throws -> T {
        let body = answer.body
        do {
            guard answer.type == .exception else { return try work(body) }
            var exception = try ThriftBody.exception(body, body: 0..<body.readableBytes, encoding: answer.encoding)
            exception.isRefusalFromElsewhere = exception.code.map(RPCClientLoop.refusals.contains) ?? false
            throw exception
        } catch let error as WireError {
            throw RPCError(.protocol, "the answer is \(error.description)")
        }
    }

    // MARK: - Life

    /// Dials every server; returns when the first attempt of each connection has ended, whether it was reached or not (rule S18).
    /// - Throws: `TLSFileError` when a file of ``RPCClientSettings/tls`` does not fit; calls throw it too.
    public func start() async throws {
        let core = core
        guard !core.isClosed.load(ordering: .relaxed) else { return }
        try await core.loop.eventLoop.flatSubmit { core.start() }.get()
    }

    /// Lets open calls end, for at most `limit`, and closes. Calls that are made from here on are `draining`; what is open at the end is
    /// `lost`.
    public func close(within limit: TimeAmount = .seconds(30)) async {
        let core = core
        guard !core.isClosed.load(ordering: .relaxed) else { return }
        try? await core.loop.eventLoop.flatSubmit { core.leave(within: limit) }.get()
        core.close()
    }

    /// Dials, and closes at a graceful shutdown of its group, or when the task is cancelled.
    public func run() async throws {
        try await start()
        try? await gracefulShutdown()
        await close()
    }
}
