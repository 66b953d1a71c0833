import Links
import Logging
import NIOCore
import RPCLink
import Routing
import Telemetry
import ThriftLink
import Wire

/// Does an agent's calls on Thrift servers, and says of each how it ended (rule S28; protocol section 3, the codes that agents say).
///
/// `@unchecked Sendable`: confined to the desk's event loop.
final class ThriftWorker: AgentWorker, UpstreamPoolOwner, @unchecked Sendable {
    // Guard: both are set once in `init`.
    private(set) var desk: AgentDesk!
    @exclusivity(unchecked) private(set) var pool: UpstreamPool!
    /// Pools whose servers are no longer listed, while they have calls.
    private(set) var retired: [UpstreamPool] = []
    /// What was counted of pools that are gone.
    private(set) var past = PastSamples()
    private(set) var leaving: [EventLoopFuture<Void>] = []
    @exclusivity(unchecked) private var method: [UInt8]
    /// Milliseconds that the upstream has for a call.
    @exclusivity(unchecked) private var patience: Int
    /// The arguments of the call that goes out; used again for each.
    @exclusivity(unchecked) private var scratch = ByteBuffer()

    init(_ settings: RPCAgentSettings, eventLoop: any EventLoop, memory: MemoryBudget, logger: Logger) {
        method = Array(settings.method.utf8)
        patience = Int(settings.upstream.timeout.nanoseconds / 1_000_000)
        desk = AgentDesk(settings.agent, eventLoop: eventLoop, worker: self, memory: memory, logger: logger)
        pool = makePool(settings.upstream)
    }

    /// A pool for other servers, which is not used before ``take(_:_:)``. From any thread.
    func makePool(_ settings: UpstreamSettings) -> UpstreamPool {
        UpstreamPool(settings, share: settings.share(of: 0, among: 1), loop: desk.loop, owner: self)
    }

    /// Goes by other settings from here on (rule S26).
    /// - Parameter new: instead of the pool so far, which answers what it has got and leaves.
    func take(_ settings: RPCAgentSettings, _ new: UpstreamPool?) {
        method = Array(settings.method.utf8)
        patience = Int(settings.upstream.timeout.nanoseconds / 1_000_000)
        guard let new, let old = pool else { return }
        pool = new
        retired.append(old)
        let left = old.retire()
        leaving.append(left)
        left.whenComplete { _ in
            self.past.add(self.samples(of: old))
            self.retired.removeAll { $0 === old }
            self.leaving.removeAll { $0 === left }
        }
    }

    /// No one is left to hear of a call that still runs.
    func leave() -> EventLoopFuture<Void> {
        let pools = [pool!] + retired
        let left = pools.map { $0.leave() } + leaving
        for pool in pools { pool.cut() }
        return EventLoopFuture.andAllComplete(left, on: desk.loop.eventLoop)
    }

    func cut() { for pool in [pool!] + retired { pool.cut() } }

    // MARK: - Calls

    func begin(_ call: AgentCall, _ ticket: UInt64) {
        let encoding = pool.form.protocol.encoding
        let time = call.timeLeft == 0 ? patience : min(patience, AgentCall.time(within: call.timeLeft))
        scratch.clear()
        ThriftBody.writeArguments(type: call.type, content: call.content, shardingID: call.shardingID, encoding: encoding, to: &scratch)
        method.withUnsafeBytes { name in
            scratch.withUnsafeReadableBytes { body in
                pool.send(
                    ticket, CallParts(name: name, body: body), key: UInt64(bitPattern: call.shardingID),
                    deadline: LinkLoop.tick(of: desk.loop.now) + time / 10)
            }
        }
    }

    /// A Thrift call cannot be taken back; one that still waits for a connection is dropped when its turn comes.
    func abandoned(_ ticket: UInt64) {}

    var heldBytes: Int { retired.reduce(pool.waitingBytes) { $0 + $1.waitingBytes } }

    // MARK: - Outcomes

    func pool(_ pool: UpstreamPool, answered ticket: UInt64, _ answer: UpstreamAnswer) {
        // Of the pool that it came through: that may be one that leaves.
        let encoding = pool.form.protocol.encoding
        do throws(WireError) {
            guard answer.head.type != .exception else { return try excepted(ticket, answer, encoding) }
            switch try ThriftBody.result(answer.bytes, body: answer.head.body, encoding: encoding) {
            case .success(let result, let type, let content):
                desk.answer(ticket, result: result, type: type, content: UnsafeRawBufferPointer(rebasing: answer.bytes[content]))
            case .declared(let field): desk.refuse(ticket, .remoteException, "the server declared exception \(field)")
            case .nothing: desk.refuse(ticket, .protocol, "the server's reply has no result")
            }
        } catch {
            desk.refuse(ticket, .protocol, "the server's reply is malformed: \(error.description)")
        }
    }

    private func excepted(_ ticket: UInt64, _ answer: UpstreamAnswer, _ encoding: ThriftEncoding) throws(WireError) {
        let exception = try ThriftBody.exception(ByteBuffer(bytes: answer.bytes), body: answer.head.body, encoding: encoding)
        desk.refuse(ticket, .remoteException, exception.description)
    }

    func pool(_ pool: UpstreamPool, failed ticket: UInt64, _ failure: UpstreamFailure) { desk.refuse(ticket, failure.code, failure.reason) }

    func pool(_ pool: UpstreamPool, wants ticket: UInt64) -> Bool {
        if desk.isWanted(ticket) { return true }
        desk.refuse(ticket, .cancelled, "the caller has withdrawn it")
        return false
    }

    // MARK: - Events

    func pool(_ pool: UpstreamPool, tells event: UpstreamEvent) {
        desk.log.upstream(event, of: "the agent")
    }
}
