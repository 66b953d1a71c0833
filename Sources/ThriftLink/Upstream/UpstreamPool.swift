package import Links
package import NIOCore
import Routing
package import Telemetry
package import Wire

/// The connections of one event loop to the servers behind a route: picks one for each call, lets calls wait in a bounded line while all
/// are full, and tells exactly one outcome for each (rules S2, S3, S19, S20, S22).
///
/// `@unchecked Sendable`: confined to ``loop``. Each event loop that sends calls has a pool of its own, so a call and its answer never change loops.
package final class UpstreamPool: @unchecked Sendable {
    package let settings: UpstreamSettings
    package let form: ThriftForm
    package let loop: LinkLoop
    /// Connections to each address from this loop.
    package let share: Int
    /// TLS toward the servers; nil: plain.
    private(set) var security: DialerSecurity?
    // The owner owns the pool; a weak reference would cost a side table on each of its retains.
    @exclusivity(unchecked) package private(set) unowned(unsafe) var owner: (any UpstreamPoolOwner)?
    @exclusivity(unchecked) private(set) var table: PoolTable
    @exclusivity(unchecked) private var waiting: WaitingCalls<Waiting>
    @exclusivity(unchecked) package internal(set) var counters = Counters()

    package private(set) var servers: [UpstreamServer] = []
    @exclusivity(unchecked) private(set) var connections: [UpstreamConnection] = [] {
        didSet { references = connections.map(Unmanaged.passUnretained) }
    }
    /// ``connections``, for what is done for each call: taking one out of an array of objects counts references.
    @exclusivity(unchecked) private var references: [Unmanaged<UpstreamConnection>] = []
    private var names: [UpstreamName] = []
    /// Bytes of calls that wait.
    package private(set) var waitingBytes = 0
    private(set) var isLeaving = false
    private var whenStarted: EventLoopPromise<Void>?
    private var whenLeft: EventLoopPromise<Void>?
    /// Every connection is closed, for good.
    private var hasLeft = false
    /// What an entry of `to` stands for.
    var resolve: (Endpoint, any EventLoop) -> EventLoopFuture<[SocketAddress]> = { Resolver.resolve($0, on: $1) }
    private let waitTimer = LoopTimer()
    private let healthTimer = LoopTimer()
    @exclusivity(unchecked) private var draws = UInt64.random(in: 0 ... .max)

    /// What a pool counts.
    package struct Counters {
        package var closed = CodeCounts()
        package var reconnects: [String: Int] = [:]
        package var ejections = 0
        package var lateAnswers = 0
        /// From a call's going out to its answer.
        package var upstream = Distribution()
        /// Unwritten calls that went another way (rule S3).
        package var rerouted = 0
        /// Oneway calls that nobody could be told about.
        package var lostOneway = CodeCounts()
    }

    private struct Waiting {
        var token: UInt64
        var held: HeldCall
        var isRerouted: Bool
    }

    /// - Parameters:
    ///   - share: connections to each address from this loop; see ``UpstreamSettings/share(of:among:)``.
    ///   - owner: outlives the pool.
    package init(_ settings: UpstreamSettings, share: Int, loop: LinkLoop, owner: any UpstreamPoolOwner) {
        self.settings = settings
        self.share = share
        self.loop = loop
        self.owner = owner
        form = settings.form
        table = PoolTable(balance: settings.balance, inFlight: settings.inFlight)
        waiting = WaitingCalls(limit: settings.maxWaiting)
        waitTimer.aim(at: self)
        healthTimer.aim(at: self)
    }

    // MARK: - Start and stop

    /// Dials every address; the future is done when the first attempt of each connection has ended, or with ``cut()``.
    /// - Parameter security: what ``UpstreamSettings/tls`` names, loaded.
    package func start(security: DialerSecurity? = nil) -> EventLoopFuture<Void> {
        self.security = security
        let promise = loop.eventLoop.makePromise(of: Void.self)
        guard !isLeaving else {
            promise.succeed(())
            return promise.futureResult
        }
        whenStarted = promise
        names = settings.to.map { UpstreamName($0, pool: self) }
        EventLoopFuture.andAllComplete(names.map { $0.start() }, on: loop.eventLoop).flatMap {
            self.dialNew()
            return EventLoopFuture.andAllComplete(self.connections.compactMap(\.attempt), on: self.loop.eventLoop)
        }.whenComplete { _ in self.endStart() }
        return promise.futureResult
    }

    private func endStart() {
        whenStarted?.succeed(())
        whenStarted = nil
    }

    func knows(_ address: SocketAddress) -> Bool {
        let name = address.text
        return servers.contains { $0.name == name && !$0.connections.allSatisfy { $0.state == .stopped } }
    }

    func add(_ address: SocketAddress, of name: UpstreamName) {
        let (number, range) = table.add(node: Choice.fnv1a(address.text), connections: share)
        let server = UpstreamServer(number, address: address, source: name)
        server.connections = range.map { UpstreamConnection($0, of: server, pool: self) }
        servers.append(server)
        connections += server.connections
    }

    /// Dials what has never been dialed.
    func dialNew() {
        for connection in connections { connection.dialFirst() }
    }

    /// Nothing new is sent; connections close when their calls are answered (rule S25). The future is done when all are closed; the same
    /// one each time.
    package func leave() -> EventLoopFuture<Void> {
        if let whenLeft { return whenLeft.futureResult }
        let promise = loop.eventLoop.makePromise(of: Void.self)
        whenLeft = promise
        beginLeaving()
        for connection in connections where connection.pending.count == 0 { stop(connection, atOnce: false) }
        leftIfDone()
        return promise.futureResult
    }

    /// The time for leaving is over: what is open is lost.
    package func cut() {
        beginLeaving()
        for entry in waiting.removeAll() { drop(entry.call, .lost, "the time for leaving is over") }
        for connection in connections { stop(connection, atOnce: true) }
        endStart()
        leftIfDone()
    }

    private func beginLeaving() {
        isLeaving = true
        loop.enterTurn()
        for name in names { name.stop() }
    }

    /// It takes no call any more, and closes.
    private func stop(_ connection: UpstreamConnection, atOnce: Bool) {
        connection.stop(atOnce: atOnce)
        table.retire(connection.number)
        refuseIfAbsent(connection)
    }

    private func leftIfDone() {
        guard let whenLeft, !hasLeft, connections.allSatisfy({ $0.link == nil && $0.state == .stopped }) else { return }
        hasLeft = true
        loop.cancel(waitTimer)
        loop.cancel(healthTimer)
        connections = []
        servers = []
        names = []
        // Not in the middle of what a connection tells: with the news the owner may go.
        loop.eventLoop.execute { whenLeft.succeed(()) }
    }

    // MARK: - Numbers for people

    /// Calls that were sent and are not answered.
    package var open: Int { connections.reduce(0) { $0 + $1.pending.count } }
    /// Calls that were given up and whose late answers may come.
    package var tombstones: Int { connections.reduce(0) { $0 + $1.pending.tombstones } }
    package var waitingCalls: Int { waiting.count }
    package var linksOpen: Int { connections.count { $0.link != nil } }
    package var queuedBytes: Int { waitingBytes + connections.reduce(0) { $0 + $1.queued } }

    /// Each connection's address, state and queued bytes.
    package var peers: [(address: String, state: String, queuedBytes: Int)] {
        connections.filter { $0.state != .stopped || $0.link != nil }.map { connection in
            let isEjected = table.ejections.isEjected(connection.server.number)
            let state = connection.link == nil ? (connection.state == .dialing ? "connecting" : "down") : isEjected ? "ejected" : "up"
            return (connection.server.name, state, connection.queued)
        }
    }

    // MARK: - Calls

    private func draw() -> UInt64 {
        draws &+= 0x9E37_79B9_7F4A_7C15
        return Choice.mix(draws)
    }

    /// Sends a call, or lets it wait. Its outcome may be told before this returns.
    /// - Parameters:
    ///   - token: names the call to the owner.
    ///   - key: what `hash` goes by.
    ///   - deadline: the tick by which it is given up.
    ///   - excluding: a server that it failed on, and is given only when there is no other.
    package func send(_ token: UInt64, _ parts: CallParts, key: UInt64, deadline: Int, excluding: Int? = nil) {
        send(token, parts, key: key, deadline: deadline, excluding: excluding, isRerouted: false)
    }

    /// Sends a call once more, over another connection than the one that refused to do it (rule S3).
    /// - Returns: false when there is none with room now; nothing has been done then.
    package func sendAgain(_ token: UInt64, _ parts: CallParts, key: UInt64, deadline: Int, insteadOf connection: Int) -> Bool {
        guard !isLeaving,
            let other = table.pickAnother(than: connection, key: key, turn: loop.now.uptimeNanoseconds, draw: draw())
        else { return false }
        table.sent(other)
        connections[other].send(token, parts, deadline: deadline, isRerouted: true)
        return true
    }

    private func send(_ token: UInt64, _ parts: CallParts, key: UInt64, deadline: Int, excluding: Int?, isRerouted: Bool) {
        guard !isLeaving else { return fail(token, parts.isOneway, .draining, UpstreamPool.left) }
        switch table.pick(key: key, turn: loop.now.uptimeNanoseconds, draw: draw(), excluding: excluding) {
        case .connection(let number):
            if !parts.isOneway { table.sent(number) }
            // Guard: `connections` holds it, and sending does not change those.
            references[number]._withUnsafeGuaranteedRef { $0.send(token, parts, deadline: deadline, isRerouted: isRerouted) }
        case .wait(let server):
            let held = HeldCall(parts, pool: &loop.pool)
            let entry = WaitingCalls<Waiting>.Entry(
                Waiting(token: token, held: held, isRerouted: isRerouted), deadline: deadline, server: server)
            guard waiting.append(entry) != nil else {
                held.release(to: &loop.pool)
                return fail(token, parts.isOneway, .busy, "\(settings.maxWaiting) calls wait already")
            }
            waitingBytes += held.count
            if !waitTimer.isArmed || deadline < waitTimer.tick { arm(waitTimer, at: deadline) }
        case .absent:
            fail(token, parts.isOneway, .noPeer, absence)
        }
    }

    private static let left = "the connections to the servers are closing"

    private var absence: String {
        let tried = servers.filter { !$0.connections.allSatisfy { $0.state == .stopped } }.map(\.name)
        if tried.isEmpty { return "no address of \(settings.to.map(\.description).joined(separator: ", ")) is known" }
        return "upstream \(tried.joined(separator: ", ")) is not connected"
    }

    private func arm(_ timer: LoopTimer, at tick: Int) { loop.arm(timer, at: .uptimeNanoseconds(UInt64(max(tick, 0)) * 10_000_000)) }

    private func fail(_ token: UInt64, _ isOneway: Bool, _ code: Code, _ reason: @autoclosure () -> String, server: Int? = nil) {
        if isOneway {
            counters.lostOneway.add(code)
        } else {
            owner?.pool(self, failed: token, UpstreamFailure(code: code, reason: reason(), server: server))
        }
    }

    private func drop(_ call: Waiting, _ code: Code, _ reason: String) {
        waitingBytes -= call.held.count
        let isOneway = call.held.isOneway
        call.held.release(to: &loop.pool)
        fail(call.token, isOneway, code, reason)
    }

    // MARK: - What connections tell

    func answered(_ token: UInt64, _ answer: UpstreamAnswer, on number: Int) {
        table.answered(number)
        let change = table.succeeded(number)
        if change != .none { changed(change, connections[number].server) }
        owner?.pool(self, answered: token, answer)
    }

    func answeredLate(on number: Int) {
        table.answered(number)
        counters.lateAnswers += 1
    }

    /// Answers have made room: those who wait go out.
    func roomAppeared(_ number: Int) {
        if !waiting.isEmpty { releaseWaiting(for: number) }
        if isLeaving, connections[number].pending.count == 0 { stop(connections[number], atOnce: false) }
    }

    private func releaseWaiting(for number: Int) {
        let server = table.server(of: number)
        while table.hasRoom(for: number), let entry = waiting.next(for: server) {
            let call = entry.call
            waitingBytes -= call.held.count
            if owner?.pool(self, wants: call.token) ?? false || call.held.isOneway {
                call.held.withParts { (parts: CallParts) -> Void in
                    guard case .connection(let free) = table.pick(in: server, turn: loop.now.uptimeNanoseconds) else { return }
                    if !parts.isOneway { table.sent(free) }
                    connections[free].send(call.token, parts, deadline: entry.deadline, isRerouted: call.isRerouted)
                }
            }
            call.held.release(to: &loop.pool)
        }
    }

    func opened(_ connection: UpstreamConnection) {
        table.opened(connection.number)
        owner?.pool(self, tells: .up(connection.server.name))
        releaseWaiting(for: connection.number)
    }

    func attemptFailed(_ connection: UpstreamConnection, _ error: any Error) {
        table.attemptFailed(connection.number)
        owner?.pool(self, tells: .unreachable(connection.server.name, reason: describe(error)))
        failed(connection)
        refuseIfAbsent(connection)
        leftIfDone()
    }

    /// The name does not stand for its address any more.
    func retired(_ connection: UpstreamConnection) {
        table.retire(connection.number)
        refuseIfAbsent(connection)
        leftIfDone()
    }

    /// No one will come for those who wait.
    private func refuseIfAbsent(_ connection: UpstreamConnection) {
        guard !waiting.isEmpty else { return }
        let server = connection.server.number
        let stranded = table.isAbsent ? waiting.removeAll() : table.isThere(server) ? [] : waiting.removeAll(for: server)
        for entry in stranded {
            // With another server there, a call of `hash` that waited for this one takes that.
            guard !table.isAbsent, !isLeaving else {
                if isLeaving { drop(entry.call, .draining, UpstreamPool.left) } else { drop(entry.call, .noPeer, absence) }
                continue
            }
            waitingBytes -= entry.call.held.count
            entry.call.held.withParts { (parts: CallParts) -> Void in
                send(entry.call.token, parts, key: draw(), deadline: entry.deadline, excluding: server, isRerouted: entry.call.isRerouted)
            }
            entry.call.held.release(to: &loop.pool)
        }
    }

    /// - Parameters:
    ///   - calls: those of which something may have been written.
    ///   - unsent: those that were still queued here.
    func closed(
        _ connection: UpstreamConnection, calls: [UpstreamConnection.Call], unsent: [UpstreamConnection.Call], held: UnsentCalls?, failure: Code,
        reason: String
    ) {
        if connection.state == .stopped { table.retire(connection.number) } else { table.closed(connection.number) }
        let name = connection.server.name
        if !isLeaving { owner?.pool(self, tells: .down(name, reason: reason)) }
        if !calls.isEmpty { failed(connection) }
        let text = "upstream \(name) \(reason)"
        for call in calls {
            owner?.pool(self, failed: call.token, UpstreamFailure(code: failure, reason: text, server: connection.server.number))
        }
        for call in unsent { reroute(call, held, from: connection, text) }
        table.undecided(connection.number)
        if isLeaving { refuseIfAbsent(connection) }
        leftIfDone()
    }

    /// A call that was never written goes another way, once (rule S3).
    private func reroute(_ call: UpstreamConnection.Call, _ held: UnsentCalls?, from connection: UpstreamConnection, _ reason: String) {
        let isSent =
            !call.isRerouted && !isLeaving
            && held?.withParts(at: call.start) { (parts: CallParts) -> Void in
                counters.rerouted += 1
                send(call.token, parts, key: draw(), deadline: call.deadline, excluding: connection.server.number, isRerouted: true)
            } != nil
        if !isSent { fail(call.token, false, .neverSent, reason, server: connection.server.number) }
    }

    func expired(_ calls: [UpstreamConnection.Call], on connection: UpstreamConnection) {
        for call in calls {
            failed(connection)
            fail(call.token, false, .deadline, "upstream \(connection.server.name) did not answer in time", server: connection.server.number)
        }
        if isLeaving, connection.pending.count == 0 { stop(connection, atOnce: true) }
    }

    // MARK: - Health (rule S20)

    private var milliseconds: Int { Int(loop.eventLoop.now.uptimeNanoseconds / 1_000_000) }

    private func failed(_ connection: UpstreamConnection) {
        changed(table.failed(connection.number, now: milliseconds), connection.server)
    }

    private func changed(_ change: Ejections.Change, _ server: UpstreamServer) {
        switch change {
        case .none: break
        case .returned: owner?.pool(self, tells: .returned(server.name))
        case .ejected(let until):
            counters.ejections += 1
            owner?.pool(self, tells: .ejected(server.name, milliseconds: until - milliseconds))
            armHealth()
        }
    }

    private func armHealth() {
        guard !hasLeft, let end = table.ejections.nextEnd else { return }
        loop.arm(healthTimer, at: .uptimeNanoseconds(UInt64(end) * 1_000_000))
    }

    /// Each server whose time is over is connected to afresh.
    private func probe() {
        for number in table.ejectionsEnded(now: milliseconds) {
            let all = servers[number].connections.filter { $0.state != .stopped }
            if let idle = all.first(where: { $0.link == nil }) {
                idle.dial()
            } else if let quiet = all.first(where: { $0.pending.isEmpty }) {
                quiet.redialNow()
            } else if let any = all.first {
                any.redialNow()
            }
        }
        armHealth()
    }
}

extension UpstreamPool: TimerTarget {
    package func timerFired(_ timer: LoopTimer) {
        guard timer === waitTimer else { return probe() }
        let tick = LinkLoop.tick(of: loop.eventLoop.now)
        while let entry = waiting.nextExpired(at: tick) {
            let text = "no connection to \(settings.to.map(\.description).joined(separator: ", ")) was free in time"
            drop(entry.call, .deadline, text)
        }
        if waiting.nextDue != Pending<Waiting>.never { arm(waitTimer, at: waiting.nextDue) }
    }
}
