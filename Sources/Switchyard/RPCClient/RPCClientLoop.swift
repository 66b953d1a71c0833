import Links
import Logging
import NIOCore
import NIOPosix
import Routing
import Synchronization
import ThriftLink
import Wire

/// An ``RPCClient`` on its event loop: takes calls from tasks, sends them through the pool, and ends each when its outcome comes.
///
/// `@unchecked Sendable`: confined to ``loop``'s event loop, except ``box``, ``isClosed`` and ``close()``.
final class RPCClientLoop: UpstreamPoolOwner, @unchecked Sendable {
    let loop: LinkLoop
    private let settings: RPCClientSettings
    private let log: EventLog
    // Guard: both set once in `init`.
    private(set) var box: ValueBox<RPCClientCall>!
    private var pool: UpstreamPool!
    private var open = Slab<Open>(.wide)
    private var started: EventLoopFuture<Void>?
    private var left: EventLoopFuture<Void>?
    private var isStarted = false
    /// Why the last attempt to connect failed.
    private var lastFault: String?
    private var isLeaving = false
    /// It has left, and its event loop may be gone: nothing is submitted to that any more. Read from any thread.
    let isClosed = Atomic<Bool>(false)
    /// What calls are told then.
    static let closed = "the client is closed"

    /// A call that was sent and has no outcome yet.
    private struct Open {
        var call: RPCClientCall
        /// It was refused once, and sent again.
        var isRepeated = false
    }

    /// Calls without a `sharding_id` go one way.
    private let ownKey = UInt64.random(in: 1 ... .max)

    init(_ settings: RPCClientSettings, eventLoop: any EventLoop) {
        loop = LinkLoop(eventLoop: eventLoop)
        self.settings = settings
        log = EventLog(settings.logger)
        box = ValueBox(eventLoop: eventLoop) { [weak self] in self?.take($0) }
        pool = UpstreamPool(settings.upstream, share: settings.upstream.connectionsPerServer, loop: loop, owner: self)
        loop.turnStarted = { [box] in box?.turnStarted() }
        loop.turnEnding = { [box] in box?.collect() }
        loop.turnEnded = { [box] in box?.turnEnded() }
    }

    // MARK: - Calls go out

    private func take(_ calls: [RPCClientCall]) {
        loop.enterTurn()
        for call in calls { send(call) }
    }

    private func send(_ call: RPCClientCall) {
        guard !isLeaving else { return call.fail(.draining, RPCClientLoop.closed) }
        let attempts = start()
        // Before the first names are known there is nobody to send to.
        guard isStarted || !pool.servers.isEmpty else {
            return attempts.whenComplete { [self] result in
                if case .failure(let error) = result { return call.end(.failure(error)) }
                loop.enterTurn()
                send(call)
            }
        }
        guard call.isWanted else { return }
        guard pool.queuedBytes <= settings.maxPending else { return call.fail(.busy, "\(pool.queuedBytes) bytes wait to be sent") }
        let (key, deadline) = (key(of: call), LinkLoop.tick(of: call.deadline))
        if call.isOneway {
            call.withParts { pool.send(0, $0, key: key, deadline: deadline) }
            call.end(.success(.init(type: .reply, encoding: .binary, body: ByteBuffer())))
        } else if let token = open.insert(Open(call: call)) {
            call.withParts { pool.send(token, $0, key: key, deadline: deadline) }
        } else {
            call.fail(.busy, "no place for another open call")
        }
    }

    private func key(of call: RPCClientCall) -> UInt64 { call.key == 0 ? ownKey : call.key }

    // MARK: - Outcomes

    func pool(_ pool: UpstreamPool, answered token: UInt64, _ answer: UpstreamAnswer) {
        if answer.head.type == .exception, sendAgain(token, after: answer) { return }
        guard let call = open.remove(token)?.call, call.isWanted else { return }
        let body = answer.sharedBody ?? ByteBuffer(bytes: answer.body)
        call.end(.success(.init(type: answer.head.type, encoding: answer.head.form.protocol.encoding, body: body)))
    }

    func pool(_ pool: UpstreamPool, failed token: UInt64, _ failure: UpstreamFailure) {
        let why = failure.code == .noPeer ? lastFault.map { " (\($0))" } ?? "" : ""
        open.remove(token)?.call.fail(failure.code, failure.reason + why)
    }

    func pool(_ pool: UpstreamPool, wants token: UInt64) -> Bool {
        if open[token]?.call.isWanted == true { return true }
        _ = open.remove(token)
        return false
    }

    func pool(_ pool: UpstreamPool, tells event: UpstreamEvent) {
        switch event {
        case .unreachable(_, let reason), .unresolved(let reason): lastFault = reason
        default: break
        }
        log.upstream(event, of: settings.name)
    }

    /// What a server answers that has not begun the call; another may (rule S3).
    static let refusals: [Code] = [.noRoute, .draining, .neverSent]

    /// Sends a call that was refused another way, once. False: the refusal is its outcome.
    private func sendAgain(_ token: UInt64, after answer: UpstreamAnswer) -> Bool {
        guard let refused = open[token], !refused.isRepeated, refused.call.isWanted, !isLeaving,
            let exception = try? ThriftBody.exception(
                ByteBuffer(bytes: answer.bytes), body: answer.head.body, encoding: answer.head.form.protocol.encoding),
            let code = exception.code, RPCClientLoop.refusals.contains(code),
            let again = open.insert(Open(call: refused.call, isRepeated: true))
        else { return false }
        let isSent = refused.call.withParts { parts in
            pool.sendAgain(
                again, parts, key: key(of: refused.call), deadline: LinkLoop.tick(of: refused.call.deadline), insteadOf: answer.connection)
        }
        _ = open.remove(isSent ? token : again)
        return isSent
    }

    // MARK: - Life

    /// Dials, if that was not done before; done when the first attempt of each connection has ended (rule S18). Fails when the files of
    /// ``RPCClientSettings/tls`` do not fit; they are looked at again the next time.
    func start() -> EventLoopFuture<Void> {
        if let started { return started }
        let attempts = security().flatMap { [pool] in pool!.start(security: $0) }
        started = attempts
        attempts.whenComplete { [self] result in
            if case .success = result { isStarted = true } else { started = nil }
        }
        return attempts
    }

    /// What the settings' files hold, read on a thread that may wait for them.
    private func security() -> EventLoopFuture<DialerSecurity?> {
        guard let tls = settings.tls else { return loop.eventLoop.makeSucceededFuture(nil) }
        return NIOThreadPool.singleton.runIfActive(eventLoop: loop.eventLoop) { [logger = settings.logger] in
            try DialerSecurity(tls, logger: logger)
        }
    }

    /// Nothing new is sent; done when every call has its outcome and every connection is closed.
    func leave(within limit: TimeAmount) -> EventLoopFuture<Void> {
        isLeaving = true
        if let left { return left }
        let cut = loop.eventLoop.scheduleTask(in: limit) { [self] in pool.cut() }
        // It lives until then, whoever lets go of it.
        let begun = started ?? loop.eventLoop.makeSucceededVoidFuture()
        let leaving = begun.flatMapErrorThrowing { _ in }.flatMap { [self] in pool.leave() }.always { _ in cut.cancel() }
        left = leaving
        return leaving
    }

    /// The last call, from any thread, when it has left.
    func close() {
        isClosed.store(true, ordering: .relaxed)
        for call in box.close() { call.fail(.draining, RPCClientLoop.closed) }
    }
}
