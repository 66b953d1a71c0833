package import Links
import NIOCore
import Sessions
package import Telemetry
import Wire

/// One event loop's part of a ``ThriftDoor``: its connections, their limits, their leaving.
///
/// Everything but `init` is called on the loop.
package final class ThriftDoorLoop {
    package let loop: LinkLoop
    let side: Side
    /// What this loop goes by; a reload gives it another.
    @exclusivity(unchecked) private(set) var settings: ThriftDoorSettings
    let admission: Admission
    let memory: MemoryBudget
    let log: EventLog
    let handler: any ThriftCallHandler
    @exclusivity(unchecked) package var counters = Counters()
    /// Bytes of answers that wait for those before them.
    @exclusivity(unchecked) var heldAnswers = 0
    /// Bytes of calls that handlers keep.
    @exclusivity(unchecked) var heldCalls = 0
    /// Where answers of our own are written before they are queued.
    @exclusivity(unchecked) var scratch = ByteBuffer()
    private let share: MemoryBudget.Share
    private let shares: [MemoryBudget.Share]
    private var connections: [ThriftConnection] = []
    private var resuming: [ThriftConnection] = []
    private(set) var isLeaving = false
    private var emptied: EventLoopPromise<Void>?
    private let ofRole: (turnEnding: (() -> Void)?, turnEnded: (() -> Void)?)
    private var nextNumber: UInt64 = 0

    /// What has happened since the start.
    package struct Counters {
        package var bytesIn = 0
        package var bytesOut = 0
        package var closed = CodeCounts()
    }

    init(
        loop: LinkLoop, side: Side, settings: ThriftDoorSettings, admission: Admission, memory: MemoryBudget, shares: [MemoryBudget.Share],
        index: Int, log: EventLog, handler: any ThriftCallHandler
    ) {
        self.loop = loop
        self.side = side
        self.settings = settings
        self.admission = admission
        self.memory = memory
        self.shares = shares
        share = shares[index]
        self.log = log
        self.handler = handler
        // The role that the loop belongs to may have things of its own to do.
        ofRole = (loop.turnEnding, loop.turnEnded)
        // The role's loop may outlive a door that never opened.
        loop.turnEnding = { [weak self, ofRole] in
            ofRole.turnEnding?()
            self?.resumeConnections()
        }
        loop.turnEnded = { [weak self, ofRole] in
            ofRole.turnEnded?()
            self?.publish()
        }
    }

    /// Goes by other settings from here on (rule S26). A connection keeps its order of answers and its longest frame.
    func take(_ settings: ThriftDoorSettings) { self.settings = settings }

    /// The last call: the loop does not know the door any more.
    func close() {
        (loop.turnEnding, loop.turnEnded) = ofRole
        share.publish(0)
    }

    // MARK: - Connections

    /// A connection that is about to open.
    func accept() -> ThriftConnection {
        nextNumber += 1
        return ThriftConnection(door: self, number: nextNumber)
    }

    func opened(_ connection: ThriftConnection) {
        connection.position = connections.count
        connections.append(connection)
    }

    func closed(_ connection: ThriftConnection, _ code: Code) {
        counters.closed.add(code)
        let position = connection.position
        guard position >= 0 else { return }
        connection.position = -1
        if let last = connections.popLast(), last !== connection {
            connections[position] = last
            last.position = position
        }
        handler.connectionClosed(connection)
        if connections.isEmpty { emptied?.succeed(()) }
    }

    package var openConnections: Int { connections.count }
    package var queuedBytes: Int { connections.reduce(0) { $0 + $1.heldBytes } }

    func resumeAtTurnEnd(_ connection: ThriftConnection) {
        resuming.append(connection)
        loop.enterTurn()
    }

    private func resumeConnections() {
        guard !resuming.isEmpty else { return }
        // What these send may make others resume: those are for the next turn.
        let now = resuming
        resuming.removeAll(keepingCapacity: true)
        for connection in now { connection.resume() }
    }

    // MARK: - Memory

    /// Tells what this loop's links hold; over the process's bound, the client that most is held for is closed (rule S13).
    private func publish() {
        share.publish(loop.queuedBytes + loop.keptBytes + heldAnswers + heldCalls)
        guard memory.isExceeded, shares.allSatisfy({ $0.bytes <= share.bytes }) else { return }
        guard let greediest = connections.max(by: { $0.heldBytes < $1.heldBytes }), greediest.heldBytes > 0 else { return }
        log.event("memory", "closing \(greediest.remote), for which \(greediest.heldBytes) bytes are held: over memory")
        greediest.abandon(.slowConsumer)
    }

    // MARK: - Leaving (rule S25)

    /// Connections with calls close after their last answer; the future is done when every connection is gone.
    func leave() -> EventLoopFuture<Void> {
        isLeaving = true
        let promise = emptied ?? loop.eventLoop.makePromise(of: Void.self)
        emptied = promise
        if connections.isEmpty { promise.succeed(()) }
        return promise.futureResult
    }

    func leaveIdle() {
        loop.enterTurn()
        for connection in connections { connection.leaveIfIdle() }
    }

    func cut() {
        for connection in connections { connection.abandon(.draining) }
    }
}
