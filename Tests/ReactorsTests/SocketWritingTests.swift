import NIOCore
import Testing

@testable import Reactors

/// What a channel writes, and how its own end goes. Ours and NIO's own are held to the same.
@Suite("Sockets: writing", .timeLimit(.minutes(2)))
struct SocketWritingTests {
    private static let block = 1 << 20
    private static let blocks = 12

    /// Writes more than the system holds for a peer that does not read, each block with a note when its promise is kept or failed.
    private func flood(_ connection: Connection) async throws -> Notes {
        let notes = Notes()
        try await connection.on { channel in
            for number in 0..<SocketWritingTests.blocks {
                let written = channel.eventLoop.makePromise(of: Void.self)
                written.futureResult.whenComplete { result in
                    switch result {
                    case .success: notes.add("\(number)")
                    case .failure(let error): notes.add("\(number): \((error as? IOError).map { "\($0.errnoCode)" } ?? "\(error)")")
                    }
                }
                let bytes = pattern(SocketWritingTests.block, from: number * SocketWritingTests.block)
                channel.write(ByteBuffer(bytes: bytes), promise: written)
            }
            channel.flush()
        }
        return notes
    }

    private var all: [UInt8] { pattern(SocketWritingTests.block * SocketWritingTests.blocks) }
    private var numbers: [String] { (0..<SocketWritingTests.blocks).map { "\($0)" } }

    @Test("a slow reader gets every byte; writable is told when all is out, and every promise is kept in its order", arguments: Kind.allCases)
    func slowReader(kind: Kind) async throws {
        try await withConnection(kind) { connection in
            let notes = try await flood(connection)
            #expect(connection.told == ["not writable"])
            #expect(notes.all.count < SocketWritingTests.blocks)
            #expect(try await connection.on { $0.isWritable } == false)
            #expect(try await connection.peer.read(all.count) == all)
            try await until("the last promise") { notes.all.count == SocketWritingTests.blocks }
            #expect(notes.all == numbers)
            try await until("writable") { connection.told == ["not writable", "writable"] }
            #expect(try await connection.on { $0.isWritable })
        }
    }

    @Test("what is written and not flushed stays; what is flushed leaves", arguments: Kind.allCases)
    func flushes(kind: Kind) async throws {
        try await withConnection(kind) { connection in
            try await connection.on { channel in
                channel.write(ByteBuffer(bytes: [1, 2]), promise: nil)
                channel.flush()
                channel.write(ByteBuffer(bytes: [3]), promise: nil)
            }
            #expect(try await connection.peer.read(2) == [1, 2])
            try await connection.on { $0.write(ByteBuffer(bytes: [4]), promise: nil) }
            try await connection.on { $0.flush() }
            #expect(try await connection.peer.read(2) == [3, 4])
        }
    }

    @Test("an empty write is done like any other, in its order", arguments: Kind.allCases)
    func empty(kind: Kind) async throws {
        try await withConnection(kind) { connection in
            try await value(connection.write(ByteBuffer()))
            try await value(connection.write(ByteBuffer(bytes: [5])))
            #expect(try await connection.peer.read(1) == [5])
        }
    }

    @Test("closing this direction waits until everything is out; then the peer's words still come", arguments: Kind.allCases)
    func halfClose(kind: Kind) async throws {
        try await withConnection(kind, halfClosure: true) { connection in
            let notes = try await flood(connection)
            let shut = connection.close(.output)
            shut.whenComplete { _ in notes.add("shut") }
            try await connection.turn()
            // NIO takes such a write, and sends it.
            if kind != .nio { #expect(await failure(connection.write(ByteBuffer(bytes: [1]))) as? ChannelError == .outputClosed) }
            #expect(try await connection.peer.read() == all)
            try await value(shut)
            try await until("the promises") { notes.all.count == SocketWritingTests.blocks + 1 }
            #expect(notes.all == numbers + ["shut"])
            #expect(connection.told.contains("output closed"))
            #expect(await failure(connection.close(.output)) as? ChannelError == .outputClosed)
            try await connection.peer.write(pattern(70_000))
            connection.peer.close()
            try await value(connection.channel.closeFuture)
            #expect(Array(connection.told.suffix(3)) == ["inactive after 70000", "unregistered", "removed"])
            #expect(connection.recorder.bytes == pattern(70_000))
        }
    }

    @Test("what is not out when the channel is closed fails, and so does the direction's end that waited for it", arguments: Kind.allCases)
    func closeWithUnsent(kind: Kind) async throws {
        try await withConnection(kind) { connection in
            let notes = try await flood(connection)
            let shut = connection.close(.output)
            try await connection.turn()
            try await value(connection.close())
            try await value(connection.channel.closeFuture)
            #expect(notes.all.count == SocketWritingTests.blocks)
            #expect(notes.all.last == "\(SocketWritingTests.blocks - 1): \(ChannelError.ioOnClosedChannel)")
            #expect(await failure(shut) != nil)
            #expect(await failure(connection.write(ByteBuffer(bytes: [1]))) as? ChannelError == .ioOnClosedChannel)
            #expect(await failure(connection.close()) as? ChannelError == .alreadyClosed)
            #expect(connection.told == ["not writable", "inactive after 0", "unregistered", "removed"])
        }
    }

    @Test("a peer that resets fails what is not out", arguments: Kind.allCases)
    func resetWithUnsent(kind: Kind) async throws {
        try await withConnection(kind) { connection in
            let notes = try await flood(connection)
            connection.peer.reset()
            try await value(connection.channel.closeFuture)
            #expect(notes.all.count == SocketWritingTests.blocks)
            #expect(notes.all.last?.contains(":") == true)
            #expect(Array(connection.told.suffix(3)) == ["inactive after 0", "unregistered", "removed"])
        }
    }

    @Test("what a peer said before it refused to hear more is taken before the end", arguments: Kind.allCases)
    func lastWords(kind: Kind) async throws {
        try await withConnection(kind) { connection in
            try await connection.autoRead(false)
            try await connection.peer.write(pattern(10))
            // Something unread makes its end a reset at our next byte.
            try await value(connection.write(ByteBuffer(bytes: [1])))
            let isHeld = try await connection.on { channel in
                // Both within one task: the loop has no chance to learn of the reset by itself.
                connection.peer.reset()
                channel.writeAndFlush(ByteBuffer(bytes: [2]), promise: nil)
                return connection.recorder.notes.all.contains("removed")
            }
            #expect(!isHeld)
            try await value(connection.channel.closeFuture)
            #expect(connection.recorder.bytes == pattern(10))
            #expect(Array(connection.told.suffix(2)) == ["unregistered", "removed"])
        }
    }
}
