package import Logging
package import NIOCore
import NIOSSL
import Synchronization
package import Telemetry
import Wire

/// What one listener asks of a connection before it becomes a link: an address that may connect, a PROXY header, a TLS handshake. Whoever fails
/// is closed without a word and counted; what an operator can act on is logged.
package final class Doorway: Sendable {
    private struct State {
        var options: ListenerOptions
        var contexts: TLSContexts?
    }

    private let state: Mutex<State>
    private let queues: [ObjectIdentifier: HandshakeQueue]
    private let logger: Logger?
    private let log: Mutex<EventLog>?
    private let counts = Refusal.allCases.map { _ in SharedCounter() }
    /// Connections that are not links yet.
    private let opening = Atomic<Int>(0)

    /// More are refused: what is not a link yet is not under any limit of its role.
    static let maxOpening = 20_000

    /// Why a connection did not become a link; the raw value is a metric's label.
    enum Refusal: String, CaseIterable {
        /// Its address is not allowed, or denied.
        case address
        /// No PROXY header where one is required.
        case proxy
        /// The TLS handshake failed.
        case tls
        /// Too many were opening.
        case crowd
    }

    /// - Throws: ``TLSFileError``.
    package init(_ options: ListenerOptions, group: any EventLoopGroup, logger: Logger?) throws {
        self.logger = logger
        log = logger.map { Mutex(EventLog($0)) }
        let contexts = try options.tls.map { try TLSContexts($0, logger: logger) }
        state = Mutex(State(options: options, contexts: contexts))
        queues = Dictionary(group.makeIterator().map { (ObjectIdentifier($0), HandshakeQueue(eventLoop: $0)) }) { first, _ in first }
    }

    /// Gets ready to take over other options.
    /// - Returns: takes them over, for connections from there on.
    /// - Throws: ``TLSFileError``; then nothing has changed.
    package func prepare(_ options: ListenerOptions) throws -> @Sendable () -> Void {
        let current = state.withLock { ($0.options.tls, $0.contexts) }
        var contexts = current.1
        if options.tls != current.0 {
            contexts = try options.tls.map { try TLSContexts($0, logger: logger) }
        }
        return { [self, contexts] in
            contexts?.expire()
            state.withLock { $0 = State(options: options, contexts: contexts) }
        }
    }

    package func samples(_ role: String, _ side: String) -> [Sample] {
        zip(Refusal.allCases, counts).map { Sample(.connectionsRefused, role, side, $0.rawValue, value: $1.value.load(ordering: .relaxed)) }
    }

    // MARK: - Coming in

    /// Lets a new connection in, on its event loop, before it is active; a bare one at once. The future fails for one that is to be closed.
    package func enter(_ channel: any Channel, accept: @escaping @Sendable (any Channel) throws -> Void) -> EventLoopFuture<Void> {
        let (options, contexts) = state.withLock { ($0.options, $0.contexts) }
        let address = channel.remoteAddress
        let isTrusted = options.trusts(address)
        if !isTrusted, !options.admits(address) { return channel.eventLoop.makeFailedFuture(refused(.address)) }
        guard isTrusted || contexts != nil else { return channel.eventLoop.makeCompletedFuture { try accept(channel) } }
        guard opening.wrappingAdd(1, ordering: .relaxed).newValue <= Doorway.maxOpening else {
            opening.wrappingSubtract(1, ordering: .relaxed)
            return channel.eventLoop.makeFailedFuture(refused(.crowd))
        }
        guard let contexts else { return channel.eventLoop.makeCompletedFuture { try Visitor(channel, self, nil, accept).readHeader(options) } }
        return contexts.current(on: channel.eventLoop).flatMapThrowing { context in
            let visitor = Visitor(channel, self, context, accept)
            if isTrusted { try visitor.readHeader(options) } else { try visitor.secure() }
        }
    }

    /// Counts and tells.
    @discardableResult
    func refused(_ refusal: Refusal, _ channel: (any Channel)? = nil, _ why: String = "") -> Refused {
        counts[Refusal.allCases.firstIndex(of: refusal) ?? 0].value.wrappingAdd(1, ordering: .relaxed)
        if let channel { log?.withLock { $0.event(refusal.rawValue, "closing \(channel.remoteAddress?.text ?? "a connection"): \(why)") } }
        return Refused()
    }

    struct Refused: Error {}

    fileprivate func left() { opening.wrappingSubtract(1, ordering: .relaxed) }
    fileprivate func queue(of eventLoop: any EventLoop) -> HandshakeQueue? { queues[ObjectIdentifier(eventLoop)] }
}

/// A count that several loops change.
private final class SharedCounter: Sendable {
    let value = Atomic<Int>(0)
}

/// One connection on its way from the socket to a link. Confined to its event loop.
private final class Visitor {
    private let channel: any Channel
    private let doorway: Doorway
    private let context: NIOSSLContext?
    private let accept: @Sendable (any Channel) throws -> Void
    private let peer = LinkPeer()
    private let deadline = NIODeadline.now() + Sockets.openingTime
    private var isCounted = true
    /// The last of our handlers so far.
    private var front: any ChannelHandler

    init(_ channel: any Channel, _ doorway: Doorway, _ context: NIOSSLContext?, _ accept: @escaping @Sendable (any Channel) throws -> Void) {
        self.channel = channel
        self.doorway = doorway
        self.context = context
        self.accept = accept
        front = peer
    }

    func readHeader(_ options: ListenerOptions) throws {
        let reader = ProxyHeaderReader(deadline: deadline) { result in
            switch result {
            case .failure(let missing):
                self.turnAway(.proxy, "it is trusted to send a PROXY header, and \(missing)")
            case .success(.unknown):
                self.goOn()
            case .success(.client(let address)):
                guard options.admits(address) else { return self.turnAway(.address, nil) }
                self.peer.client = address
                self.goOn()
            }
        }
        front = reader
        try channel.pipeline.syncOperations.addHandlers([peer, reader])
    }

    private func goOn() {
        do {
            if context == nil { try goInside() } else { try shakeHands() }
        } catch {
            leave()
            peer.closeSocket()
        }
    }

    func secure() throws {
        try channel.pipeline.syncOperations.addHandler(peer)
        try shakeHands()
    }

    private func shakeHands() throws {
        guard let context else { return }
        let tls = NIOSSLServerHandler(context: context)
        let pacer = doorway.queue(of: channel.eventLoop).map { HandshakePacer(queue: $0) }
        let watch = HandshakeWatch(tls, pacer: pacer, peer: peer, deadline: deadline) { result in
            do {
                try result.get()
            } catch {
                return self.turnAway(.tls, "\(error)")
            }
            do {
                try self.goInside()
            } catch {
                self.peer.closeSocket()
            }
        }
        let handlers: [any ChannelHandler] = (pacer.map { [$0] } ?? []) + [tls, watch]
        // Whoever has handlers of its own there already gets what TLS lets through.
        try channel.pipeline.syncOperations.addHandlers(handlers, position: .after(front))
    }

    private func goInside() throws {
        leave()
        try accept(channel)
    }

    private func leave() {
        guard isCounted else { return }
        isCounted = false
        doorway.left()
    }

    private func turnAway(_ refusal: Doorway.Refusal, _ why: String?) {
        leave()
        if let why { doorway.refused(refusal, channel, why) } else { doorway.refused(refusal) }
        peer.closeSocket()
    }
}
