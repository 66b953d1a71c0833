import Glibc
import NIOCore
import NIOPosix
import Testing

@testable import Reactors

/// Connections that we open. Ours and NIO's own are held to the same.
@Suite("Sockets: dialing", .timeLimit(.minutes(2)))
struct SocketDialingTests {
    /// Dials on an event loop of that kind for the time of `body`.
    private func dial(
        _ kind: Kind, _ address: SocketAddress, timeout: TimeAmount = .seconds(20), fails: Bool = false,
        _ body: (Recorder, EventLoopFuture<any Channel>) async throws -> Void
    ) async throws {
        struct Unfilled: Error {}
        let recorder = Recorder(readsDirectly: kind == .direct)
        let fill: @Sendable (any Channel) throws -> Void = { channel in
            try channel.pipeline.syncOperations.addHandler(recorder)
            if fails { throw Unfilled() }
        }
        let group = try kind.start()
        // On the loop, so that nothing happens before someone listens.
        let future = group.next().flatSubmit {
            let future: EventLoopFuture<any Channel>
            if let group = group as? ReactorGroup {
                future = SocketChannel.connect(to: address, on: group.reactors[0], timeout: timeout, fill: fill)
            } else {
                future = SocketDialingTests.nioDial(group, address, timeout, fill)
            }
            future.whenComplete { result in
                if case .success = result { recorder.notes.add("stands") } else { recorder.notes.add("failed") }
            }
            return future
        }
        let result: Result<Void, any Error>
        do { result = .success(try await body(recorder, future)) } catch { result = .failure(error) }
        if let group = group as? ReactorGroup { try await end(group) } else { try await group.shutdownGracefully() }
        try result.get()
    }

    private static func nioDial(
        _ group: any EventLoopGroup, _ address: SocketAddress, _ timeout: TimeAmount, _ fill: @escaping @Sendable (any Channel) throws -> Void
    ) -> EventLoopFuture<any Channel> {
        ClientBootstrap(group: group).connectTimeout(timeout)
            .channelInitializer { channel in channel.eventLoop.makeCompletedFuture { try fill(channel) } }
            .connect(to: address)
    }

    @Test("one that stands is told, is active, and carries bytes both ways; both ends know each other's address", arguments: Kind.allCases)
    func stands(kind: Kind) async throws {
        let listener = try PlainSocket.listen()
        defer { listener.close() }
        try await dial(kind, try #require(listener.address)) { recorder, future in
            let channel = try await value(future)
            let peer = try await listener.accept()
            try await until("it is active") { recorder.notes.all.count >= 4 }
            #expect(recorder.notes.all == ["added", "registered", "stands", "active"])
            #expect(channel.remoteAddress == listener.address)
            #expect(channel.localAddress == SocketAddress { getpeername(peer.descriptor, $0, $1) })
            try await peer.write(pattern(100_000))
            try await until("the bytes") { recorder.bytes == pattern(100_000) }
            channel.writeAndFlush(ByteBuffer(bytes: pattern(1_000)), promise: nil)
            #expect(try await peer.read(1_000) == pattern(1_000))
            peer.close()
            try await value(channel.closeFuture)
        }
    }

    @Test("nobody listens there: the error says so, and the handlers hear no beginning", arguments: Kind.allCases)
    func refused(kind: Kind) async throws {
        try await dial(kind, try SocketAddress(ipAddress: "127.0.0.1", port: 1)) { recorder, future in
            #expect((await failure(future) as? IOError)?.errnoCode == ECONNREFUSED)
            try await until("its end") { recorder.notes.all.last == "removed" }
            #expect(recorder.notes.all == ["added", "registered", "failed", "unregistered", "removed"])
        }
    }

    @Test("a peer that does not answer is waited for so long and no longer", arguments: Kind.allCases)
    func timedOut(kind: Kind) async throws {
        let listener = try PlainSocket.listen(backlog: 0)
        let address = try #require(listener.address)
        // Its queue is full: the system answers no more attempts.
        let crowd = try (0..<4).map { _ in try PlainSocket.connect(to: address) }
        defer { for socket in crowd + [listener] { socket.close() } }
        try await dial(kind, address, timeout: .milliseconds(30)) { recorder, future in
            #expect(await failure(future) as? ChannelError == .connectTimeout(.milliseconds(30)))
            try await until("its end") { recorder.notes.all.last == "removed" }
            // With NIO the handlers hear it first.
            let end = kind == .nio ? ["unregistered", "failed", "removed"] : ["failed", "unregistered", "removed"]
            #expect(recorder.notes.all == ["added", "registered"] + end)
        }
    }

    @Test("a limit on connecting is none on what stands", arguments: Kind.ours)
    func standsLonger(kind: Kind) async throws {
        let listener = try PlainSocket.listen()
        defer { listener.close() }
        try await dial(kind, try #require(listener.address), timeout: .milliseconds(20)) { recorder, future in
            let channel = try await value(future)
            try await value(channel.eventLoop.scheduleTask(in: .milliseconds(30)) {}.futureResult)
            #expect(recorder.notes.all == ["added", "registered", "stands", "active"])
            try await value(channel.eventLoop.submit { #expect((channel.eventLoop as? Reactor)?.timers.isEmpty == true) })
        }
    }

    @Test("Unix sockets: one stands, and one that is not there is said to be missing", arguments: Kind.allCases)
    func unix(kind: Kind) async throws {
        let address = try SocketAddress(unixDomainSocketPath: temporaryPath("dial"))
        try await dial(kind, address) { _, future in
            #expect((await failure(future) as? IOError)?.errnoCode == ENOENT)
        }
        let listener = try PlainSocket.listen(on: address)
        defer {
            listener.close()
            unlink(address.pathname ?? "")
        }
        try await dial(kind, address) { recorder, future in
            let channel = try await value(future)
            let peer = try await listener.accept()
            try await peer.write(pattern(300_000))
            peer.shutOutput()
            try await value(channel.closeFuture)
            #expect(recorder.bytes == pattern(300_000))
            #expect(try await peer.read().isEmpty)
            peer.close()
        }
    }

    @Test("a pipeline that cannot be filled is an attempt that failed, and nothing is dialed", arguments: Kind.ours)
    func unfilled(kind: Kind) async throws {
        let listener = try PlainSocket.listen()
        defer { listener.close() }
        try await dial(kind, try #require(listener.address), fails: true) { recorder, future in
            #expect(await failure(future) != nil)
            try await until("its end") { recorder.notes.all.last == "removed" }
            #expect(recorder.notes.all == ["added", "failed", "removed"])
            #expect(accept(listener.descriptor, nil, nil) == -1)
        }
    }
}

/// A path for a socket that no other test uses.
func temporaryPath(_ name: String) -> String { "\(ProcessFolder.path)/\(name)-\(UInt64.random(in: 0...UInt64.max))" }

private enum ProcessFolder {
    static let path = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
}
