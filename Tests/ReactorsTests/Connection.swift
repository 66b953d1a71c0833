import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Reactors

/// Channels that have to behave alike.
enum Kind: CaseIterable {
    /// Ours, whose socket a reader reads.
    case direct
    /// Ours, read through the pipeline.
    case pipeline
    /// NIO's own.
    case nio

    static let ours: [Kind] = [.direct, .pipeline]

    func start() throws -> any EventLoopGroup {
        self == .nio ? MultiThreadedEventLoopGroup(numberOfThreads: 1) : try ReactorGroup(threads: 1)
    }
}

let loopback = try! SocketAddress(ipAddress: "127.0.0.1", port: 0)

/// An accepted connection, what it tells, and the other end.
struct Connection {
    let channel: any Channel
    let recorder: Recorder
    let peer: PlainSocket

    /// Does something on its event loop.
    func on<T: Sendable>(_ body: @escaping @Sendable (any Channel) throws -> T) async throws -> T {
        try await value(channel.eventLoop.submit { [channel] in try body(channel) })
    }

    /// Looks twice at everything that is ready.
    func turn() async throws { for _ in 0..<2 { try await on { _ in } } }

    // Not async, so that NIO's methods that give futures are meant.
    func close(_ mode: CloseMode = .all) -> EventLoopFuture<Void> { channel.close(mode: mode) }
    func write(_ bytes: ByteBuffer) -> EventLoopFuture<Void> { channel.writeAndFlush(bytes) }
    private func set(autoRead isOn: Bool) -> EventLoopFuture<Void> { channel.setOption(.autoRead, value: isOn) }

    func autoRead(_ isOn: Bool) async throws { try await value(set(autoRead: isOn)) }

    /// What it was told, without the beginning that all have alike.
    var told: [String] { Array(recorder.notes.all.dropFirst(3)) }
}

/// Connections to a listener of that kind, all on one event loop, for the time of a test.
/// - Parameter prepare: what their recorders do, in the order of connecting.
func withConnections(
    _ kind: Kind, _ count: Int = 1, halfClosure: Bool = false, prepare: @escaping @Sendable (Int, Recorder) -> Void = { _, _ in },
    _ body: ([Connection]) async throws -> Void
) async throws {
    let accepted = Mutex<[(any Channel, Recorder)]>([])
    let initializer: @Sendable (any Channel) -> EventLoopFuture<Void> = { child in
        child.eventLoop.makeCompletedFuture {
            try child.syncOptions?.setOption(.writeBufferWaterMark, value: .init(low: 1, high: 1))
            if halfClosure { try child.syncOptions?.setOption(.allowRemoteHalfClosure, value: true) }
            let recorder = Recorder(readsDirectly: kind == .direct)
            prepare(accepted.withLock { $0.count }, recorder)
            try child.pipeline.syncOperations.addHandler(recorder)
            accepted.withLock { $0.append((child, recorder)) }
        }
    }
    let group = try kind.start()
    let address: SocketAddress
    if let group = group as? ReactorGroup {
        address = try await SocketListener.bind(to: loopback, backlog: 16, batch: 8, ring: group.ring, initializer: initializer).address
    } else {
        address = try #require(try await ServerBootstrap(group: group).childChannelInitializer(initializer).bind(to: loopback).get().localAddress)
    }
    let result: Result<Void, any Error>
    do {
        var connections: [Connection] = []
        for index in 0..<count {
            let peer = try PlainSocket.connect(to: address)
            try await until("the connection is active") {
                accepted.withLock { $0.count } > index && accepted.withLock { $0[index] }.1.notes.all.contains("active")
            }
            let (channel, recorder) = accepted.withLock { $0[index] }
            connections.append(Connection(channel: channel, recorder: recorder, peer: peer))
        }
        result = .success(try await body(connections))
    } catch {
        result = .failure(error)
    }
    if let group = group as? ReactorGroup { try await end(group) } else { try await group.shutdownGracefully() }
    try result.get()
}

func withConnection(
    _ kind: Kind, halfClosure: Bool = false, prepare: @escaping @Sendable (Recorder) -> Void = { _ in }, _ body: (Connection) async throws -> Void
) async throws {
    try await withConnections(kind, halfClosure: halfClosure) {
        prepare($1)
    } _: { connections in
        try await body(connections[0])
    }
}
