import Glibc
import NIOCore
import Synchronization
import Testing

@testable import Reactors

/// Several sockets that are ready in the same turn, one of whose readers ends another.
@Suite("Sockets: one turn", .timeLimit(.minutes(2)))
struct SocketBatchTests {
    /// What the connections of a test can reach of each other, on their loop.
    private final class Table: Sendable {
        let channels = Mutex<[any Channel]>([])
        func channel(_ index: Int) -> any Channel { channels.withLock { $0[index] } }
        func fill(_ connections: [Connection]) { channels.withLock { $0 = connections.map(\.channel) } }
    }

    /// Keeps the loop from its sockets while `body` makes them ready, in that order.
    private func atOnce(_ loop: any EventLoop, _ body: () async throws -> Void) async throws {
        let (isHeld, isReady) = (Notes(), Notes())
        loop.execute {
            isHeld.add("")
            while isReady.all.isEmpty {}
        }
        try await until("the loop is held") { !isHeld.all.isEmpty }
        let result: Result<Void, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        isReady.add("")
        try result.get()
    }

    @Test("a channel that is closed inside its own read hears no more, and its peer hears the end", arguments: Kind.allCases)
    func closeOneself(kind: Kind) async throws {
        try await withConnection(kind) { recorder in
            recorder.onBytes = { channel, _ in channel.close(promise: nil) }
        } _: { connection in
            try await connection.peer.write(pattern(100))
            try await value(connection.channel.closeFuture)
            #expect(connection.recorder.count == 100)
            #expect(connection.told == ["inactive after 0", "unregistered", "removed"])
            #expect(try await connection.peer.read().isEmpty)
        }
    }

    @Test("whoever is closed by another's reader in the same turn hears nothing of what had come for it", arguments: Kind.allCases)
    func closeAnother(kind: Kind) async throws {
        let table = Table()
        try await withConnections(kind, 2) { index, recorder in
            recorder.onBytes = { _, _ in table.channel(1 - index).close(promise: nil) }
        } _: { connections in
            table.fill(connections)
            try await atOnce(connections[0].channel.eventLoop) {
                for connection in connections { try await connection.peer.write([1]) }
            }
            try await until("one is closed") { connections.contains { $0.told.contains("removed") } }
            #expect(connections.map(\.recorder.count).sorted() == [0, 1])
        }
    }

    /// A descriptor number that nobody else here takes: a process is given the lowest free ones, and thousands are free below this one.
    /// Not the highest of all, as the kernel keeps a table as long as the highest in use.
    private static func number(_ index: CInt) -> CInt {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return CInt(min(limit.rlim_cur, 60_000)) - 100 + 10 * index
    }

    /// A connected pair, whose first descriptor is that number.
    private static func pair(number: CInt) -> (own: CInt, peer: PlainSocket) {
        var pair: [CInt] = [-1, -1]
        socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0, &pair)
        defer { Glibc.close(pair[0]) }
        return (fcntl(pair[0], F_DUPFD, number), PlainSocket(descriptor: pair[1]))
    }

    private static func begin(_ descriptor: CInt, _ recorder: Recorder, on reactor: Reactor) -> SocketChannel {
        let channel = SocketChannel(descriptor, on: reactor, remote: nil)
        try? channel.pipeline.syncOperations.addHandler(recorder)
        channel.activate()
        return channel
    }

    @Test("an event for a closed connection does not reach the one that has its descriptor since", arguments: [true, false])
    func staleEvent(isDirect: Bool) async throws {
        try await withReactors { _, reactor in
            let recorders = (0..<3).map { _ in Recorder(readsDirectly: isDirect) }
            let numbers: (CInt, CInt) = isDirect ? (0, 1) : (2, 3)
            let (first, old) = (
                SocketBatchTests.pair(number: SocketBatchTests.number(numbers.0)), SocketBatchTests.pair(number: SocketBatchTests.number(numbers.1))
            )
            let latest = Mutex<(own: CInt, channel: SocketChannel, peer: PlainSocket)?>(nil)
            let channels = try await value(
                reactor.submit {
                    [
                        SocketBatchTests.begin(first.own, recorders[0], on: reactor), SocketBatchTests.begin(old.own, recorders[1], on: reactor),
                    ]
                })
            recorders[0].onBytes = { _, _ in
                channels[1].close(promise: nil)
                let new = SocketBatchTests.pair(number: old.own)
                let channel = SocketBatchTests.begin(new.own, recorders[2], on: reactor)
                latest.withLock { $0 = (new.own, channel, new.peer) }
            }
            try await atOnce(reactor) {
                try await first.peer.write([1])
                old.peer.close()
            }
            try await until("the new one is there") { latest.withLock { $0 } != nil }
            let new = try #require(latest.withLock { $0 })
            #expect(new.own == old.own)
            for _ in 0..<2 { try await value(reactor.submit {}) }
            #expect(recorders[2].notes.all == ["added", "registered", "active"])
            #expect(recorders[1].notes.all.suffix(3) == ["inactive after 0", "unregistered", "removed"])
            try await new.peer.write(pattern(10))
            try await until("its own bytes") { recorders[2].bytes == pattern(10) }
            for peer in [first.peer, new.peer] { peer.close() }
        }
    }

    @Test("what a reader looks at stays, though a write to another socket fails, which then still gives its last words", arguments: Kind.allCases)
    func failingWrite(kind: Kind) async throws {
        let table = Table()
        let seen = Mutex<[UInt8]>([])
        try await withConnections(kind, 2) { index, recorder in
            guard index == 0 else { return }
            recorder.onBytes = { _, bytes in
                table.channel(1).writeAndFlush(ByteBuffer(bytes: [9]), promise: nil)
                table.channel(1).writeAndFlush(ByteBuffer(bytes: [9]), promise: nil)
                seen.withLock { $0 += bytes }
            }
        } _: { connections in
            table.fill(connections)
            try await connections[1].autoRead(false)
            try await connections[1].peer.write(Array(repeating: 7, count: 5_000))
            try await atOnce(connections[0].channel.eventLoop) {
                try await connections[0].peer.write(pattern(5_000))
                connections[1].peer.reset()
            }
            try await value(connections[1].channel.closeFuture)
            #expect(connections[1].recorder.bytes == Array(repeating: 7, count: 5_000))
            try await until("the first reader's bytes") { seen.withLock { $0.count } == 5_000 }
            #expect(seen.withLock { $0 } == pattern(5_000))
        }
    }
}
