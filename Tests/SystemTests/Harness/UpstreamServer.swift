import Foundation
import Synchronization
import Wire

/// A packet server in the test's process: the gateway's upstream. Every packet that arrives is recorded.
final class UpstreamServer: Sendable {
    /// What it does by itself.
    struct Manner: Sendable {
        /// Sends every application packet back as it came.
        var echoes = false
        var answersPing = true
        var answersDrain = true
        /// Reads its connections; can be switched with ``UpstreamServer/reading(_:)``.
        var reads = true
        /// Accepts, then closes at once.
        var slams = false
        /// Bytes that the kernel may hold unread for each connection.
        var receiveBuffer: Int32?

        static let echo = Manner(echoes: true)
        static let record = Manner()
        /// Reads and says nothing, not even PONG.
        static let silent = Manner(answersPing: false, answersDrain: false)
        /// Reads nothing, so that the gateway's queue grows soon.
        static let deaf = Manner(reads: false, receiveBuffer: 8192)
    }

    /// A packet and the connection that it came by, counted from 0 in the order of acceptance.
    struct Arrival: Sendable {
        let connection: Int
        let packet: Packet
    }

    private struct State {
        var connections: [UpstreamConnection] = []
        var arrivals: [Arrival] = []
        /// The application packets among them: looked at often.
        var packets: [Packet] = []
        var reads: Bool
        var stopped = false
    }

    let format: WireFormat
    private let manner: Manner
    private let listener: Listener
    private let state: Mutex<State>

    init(_ manner: Manner = .echo, format: WireFormat = .standard, up: Bool = true) throws {
        self.manner = manner
        self.format = format
        state = Mutex(State(reads: manner.reads))
        listener = try Listener(up: up, receiveBuffer: manner.receiveBuffer)
        Thread.detachNewThread { [self] in acceptAll() }
    }

    var port: UInt16 { listener.port }
    var address: String { "127.0.0.1:\(port)" }

    // MARK: What has happened

    var arrivals: [Arrival] { state.withLock { $0.arrivals } }
    /// Application packets so far.
    var packets: [Packet] { state.withLock { $0.packets } }
    /// Control packets so far, of one kind.
    func controls(_ kind: ControlType) -> [Packet] { arrivals.map(\.packet).filter { $0.control == kind } }
    /// Every connection so far.
    var connections: [UpstreamConnection] { state.withLock { $0.connections } }
    var live: [UpstreamConnection] { connections.filter(\.isOpen) }

    /// The application packets, once there are that many.
    func packets(_ count: Int, within limit: Duration = .seconds(10)) throws -> [Packet] {
        try obtain("\(count) packets at the upstream; there are \(packets.count)", within: limit) {
            let packets = packets
            return packets.count >= count ? packets : nil
        }
    }

    /// The control packets of a kind, once there are that many.
    func controls(_ kind: ControlType, _ count: Int, within limit: Duration = .seconds(10)) throws -> [Packet] {
        try obtain("\(count) \(kind.name) at the upstream", within: limit) {
            let packets = controls(kind)
            return packets.count >= count ? packets : nil
        }
    }

    /// The newest open connection, once there is one.
    func connection(within limit: Duration = .seconds(10)) throws -> UpstreamConnection {
        try obtain("a connection to the upstream", within: limit) { live.last }
    }

    // MARK: What it is told to do

    func send(_ packets: Packet...) throws { try connection().send(packets) }

    /// Starts or stops reading on every connection.
    func reading(_ reads: Bool) { state.withLock { $0.reads = reads } }

    func goUp() { listener.up() }

    /// Refuses new connections and cuts the open ones.
    func goDown() throws {
        try listener.down()
        for connection in live { connection.socket.cut() }
    }

    /// Ends the threads; every test calls it.
    func stop() {
        let connections = state.withLock { state in
            state.stopped = true
            return state.connections
        }
        try? listener.down()
        for connection in connections { connection.socket.end() }
    }

    // MARK: Threads

    private var isStopped: Bool { state.withLock { $0.stopped } }

    private func acceptAll() {
        while !isStopped {
            guard let socket = listener.accept(within: .milliseconds(20)) else { continue }
            let connection = state.withLock { state in
                let connection = UpstreamConnection(socket, index: state.connections.count, format: format)
                state.connections.append(connection)
                return connection
            }
            if manner.slams {
                socket.end()
                connection.hasEnded()
                continue
            }
            Thread.detachNewThread { [self] in serve(connection) }
        }
    }

    private func serve(_ connection: UpstreamConnection) {
        var reader = PacketReader(format: format)
        while !isStopped {
            guard state.withLock({ $0.reads }) else {
                usleep(1000)
                continue
            }
            switch connection.socket.read(within: .milliseconds(20)) {
            case .silence: continue
            case .end, .reset:
                connection.hasEnded()
                return
            case .bytes(let bytes):
                reader.append(bytes)
                var packets: [Packet] = []
                do {
                    while let packet = try reader.next() { packets.append(packet) }
                } catch {
                    connection.hasEnded()
                    connection.socket.cut()
                    return
                }
                state.withLock { state in
                    state.arrivals += packets.map { Arrival(connection: connection.index, packet: $0) }
                    state.packets += packets.filter { !$0.header.isControl }
                }
                try? connection.send(packets.compactMap(answer))
            }
        }
        connection.hasEnded()
    }

    private func answer(_ packet: Packet) -> Packet? {
        switch packet.control {
        case .ping where manner.answersPing:
            var pong = packet
            pong.header.type = ControlType.pong.rawValue
            return pong
        case .drain where manner.answersDrain: return Packet(Drain(deadlineMilliseconds: 0))
        case .some: return nil
        case nil: return manner.echoes && !packet.header.isControl ? packet : nil
        }
    }
}

/// One connection from the gateway.
final class UpstreamConnection: Sendable {
    let socket: Socket
    let index: Int
    let format: WireFormat
    let accepted = ContinuousClock.now
    private let ended = Mutex<ContinuousClock.Instant?>(nil)
    /// Held while a batch is written, so that batches of two threads do not mix.
    private let writing = Mutex(())

    init(_ socket: Socket, index: Int, format: WireFormat) {
        self.socket = socket
        self.index = index
        self.format = format
    }

    /// When the gateway closed it, or this side saw that it was cut.
    var endedAt: ContinuousClock.Instant? { ended.withLock { $0 } }
    var isOpen: Bool { endedAt == nil }
    func hasEnded() { ended.withLock { $0 = $0 ?? .now } }

    func send(_ packets: Packet...) throws { try send(packets) }

    func send(_ packets: [Packet]) throws {
        guard !packets.isEmpty else { return }
        try send(bytes: packets.flatMap { $0.encoded(format) })
    }

    func send(bytes: [UInt8]) throws { try writing.withLock { _ in try socket.write(bytes) } }
}
