import Glibc
import NIOCore
import Synchronization
import Testing

@testable import Reactors

/// Listening, and what becomes of it at the end.
@Suite("Sockets: listening", .timeLimit(.minutes(2)))
struct SocketListenerTests {
    /// Addresses of which only one test uses each, so that nobody else gets a port that becomes free there.
    private func alone(_ number: Int) throws -> SocketAddress { try SocketAddress(ipAddress: "127.0.7.\(number)", port: 0) }

    private static let nothing: SocketListener.Initializer = { $0.eventLoop.makeSucceededVoidFuture() }

    private func listen(
        _ group: ReactorGroup, on address: SocketAddress = loopback, _ initializer: @escaping SocketListener.Initializer = nothing
    ) async throws -> SocketListener {
        try await SocketListener.bind(to: address, backlog: 16, batch: 4, ring: group.ring, initializer: initializer)
    }

    private func failure(_ body: () async throws -> Void) async -> CInt? {
        do { try await body() } catch { return (error as? IOError)?.errnoCode }
        return nil
    }

    @Test("an address that is in use cannot be listened on, and can once it is free")
    func inUse() async throws {
        try await withReactors { group, _ in
            let first = try await listen(group, on: alone(1))
            #expect(await failure { _ = try await listen(group, on: first.address) } == EADDRINUSE)
            try await first.close()
            let second = try await listen(group, on: first.address)
            #expect(second.address == first.address)
        }
    }

    @Test("a Unix socket's old file is replaced; a file of another kind stays")
    func unix() async throws {
        try await withReactors { group, _ in
            let path = temporaryPath("listen")
            let address = try SocketAddress(unixDomainSocketPath: path)
            defer { unlink(path) }
            for _ in 0..<2 {
                let listener = try await listen(group, on: address) { child in
                    child.pipeline.addHandler(Recorder(readsDirectly: true)).map {
                        child.writeAndFlush(ByteBuffer(bytes: [1]), promise: nil)
                        child.eventLoop.execute { child.writeAndFlush(ByteBuffer(bytes: [7]), promise: nil) }
                    }
                }
                let peer = try PlainSocket.connect(to: address)
                #expect(try await peer.read(1) == [7])
                peer.close()
                try await listener.close()
            }
            unlink(path)
            let file = open(path, O_CREAT | O_WRONLY, 0o600)
            #expect(file >= 0)
            Glibc.close(file)
            #expect(await failure { _ = try await listen(group, on: address) } == EADDRINUSE)
            #expect(access(path, F_OK) == 0)
        }
    }

    @Test("connections are spread evenly over the loops")
    func spread() async throws {
        try await withReactors(4) { group, _ in
            let loops = Mutex<[ObjectIdentifier]>([])
            let listener = try await listen(group) { child in
                loops.withLock { $0.append(ObjectIdentifier(child.eventLoop)) }
                return child.eventLoop.makeSucceededVoidFuture()
            }
            let peers = try (0..<12).map { _ in try PlainSocket.connect(to: listener.address) }
            try await until("all of them") { loops.withLock { $0.count } == 12 }
            let counts = loops.withLock { Dictionary(grouping: $0) { $0 }.mapValues(\.count) }
            #expect(counts.values.sorted() == [3, 3, 3, 3])
            for peer in peers { peer.close() }
        }
    }

    @Test("a connection whose pipeline cannot be filled is closed, and the next one is served")
    func unfilled() async throws {
        struct Unfilled: Error {}
        try await withReactors { group, _ in
            let count = Atomic<Int>(0)
            let listener = try await listen(group) { child in
                if count.wrappingAdd(1, ordering: .relaxed).oldValue == 0 { return child.eventLoop.makeFailedFuture(Unfilled()) }
                child.eventLoop.execute { child.writeAndFlush(ByteBuffer(bytes: [7]), promise: nil) }
                return child.eventLoop.makeSucceededVoidFuture()
            }
            let peers = try (0..<2).map { _ in try PlainSocket.connect(to: listener.address) }
            #expect(try await peers[0].read().isEmpty)
            #expect(try await peers[1].read(1) == [7])
            for peer in peers { peer.close() }
        }
    }

    @Test("one that takes time to be filled begins when it is, with everything that has been said by then")
    func slow() async throws {
        try await withReactors { group, reactor in
            let filled = reactor.makePromise(of: Void.self)
            let recorder = Recorder(readsDirectly: true)
            let listener = try await listen(group) { child in child.pipeline.addHandler(recorder).flatMap { filled.futureResult } }
            let peer = try PlainSocket.connect(to: listener.address)
            try await peer.write(pattern(50_000))
            peer.shutOutput()
            try await until("it has come") { recorder.notes.all == ["added"] }
            try await value(reactor.submit {})
            #expect(recorder.notes.all == ["added"])
            filled.succeed()
            try await until("its end") { recorder.notes.all.last == "removed" }
            #expect(recorder.notes.all == ["added", "registered", "active", "inactive after 50000", "unregistered", "removed"])
            peer.close()
        }
    }

    @Test("who has stopped listening takes nobody, and what it took lives on")
    func close() async throws {
        try await withReactors { group, _ in
            let recorder = Recorder(readsDirectly: true)
            let listener = try await listen(group, on: alone(2)) { $0.pipeline.addHandler(recorder) }
            let peer = try PlainSocket.connect(to: listener.address)
            try await until("it is active") { recorder.notes.all.contains("active") }
            try await listener.close()
            let late = try PlainSocket.connect(to: listener.address)
            try await until("the refusal") { late.isConnected == false }
            late.close()
            try await peer.write(pattern(10))
            try await until("the bytes") { recorder.bytes == pattern(10) }
            peer.close()
        }
    }

    @Test("the loops' end closes listeners and connections: accepted, dialed, on their way in or out", arguments: [1, 3])
    func end(threads: Int) async throws {
        let group = try ReactorGroup(threads: threads)
        let notes = Notes()
        let (accepted, dialed) = (Recorder(readsDirectly: true), Recorder(readsDirectly: true))
        let listener = try await listen(group, on: alone(2 + threads)) { $0.pipeline.addHandler(accepted) }
        // Never filled.
        let slow = try await listen(group) { child in
            notes.add("on its way")
            return child.eventLoop.makePromise(of: Void.self).futureResult
        }
        let other = try PlainSocket.listen()
        let full = try PlainSocket.listen(backlog: 0)
        let crowd = try (0..<4).map { _ in try PlainSocket.connect(to: try #require(full.address)) }
        let peers = [try PlainSocket.connect(to: listener.address), try PlainSocket.connect(to: slow.address)]
        _ = try await value(
            SocketChannel.connect(to: try #require(other.address), on: group.reactors[0], timeout: .seconds(30)) {
                try $0.pipeline.syncOperations.addHandler(dialed)
            })
        let waiting = SocketChannel.connect(to: try #require(full.address), on: group.reactors[0], timeout: .hours(1)) { _ in }
        waiting.whenFailure { _ in notes.add("given up") }
        let heard = try await other.accept()
        try await until("all are there") { notes.all == ["on its way"] && accepted.notes.all.contains("active") }
        try await ReactorsTests.end(group)
        for peer in peers + [heard] { #expect(try await peer.read().isEmpty) }
        #expect(notes.all == ["on its way", "given up"])
        for recorder in [accepted, dialed] { #expect(Array(recorder.notes.all.suffix(3)) == ["inactive after 0", "unregistered", "removed"]) }
        let late = try PlainSocket.connect(to: listener.address)
        try await until("the refusal") { late.isConnected == false }
        for socket in peers + crowd + [heard, other, full, late] { socket.close() }
    }
}
