import Glibc
import NIOCore
import Testing

@testable import Reactors

/// What a channel reads, and how it hears the end. Ours and NIO's own are held to the same.
@Suite("Sockets: reading", .timeLimit(.minutes(2)))
struct SocketReadingTests {
    @Test("bytes arrive in order, both ways at once", arguments: Kind.allCases)
    func order(kind: Kind) async throws {
        try await withConnection(kind) { connection in
            let (said, answer) = (pattern(1_000_003), pattern(700_001, from: 99))
            let channel = connection.channel
            try await connection.on { _ in
                for start in stride(from: 0, to: answer.count, by: 65_537) {
                    channel.write(ByteBuffer(bytes: answer[start..<min(start + 65_537, answer.count)]), promise: nil)
                }
                channel.flush()
            }
            for start in stride(from: 0, to: said.count, by: 70_001) {
                try await connection.peer.write(Array(said[start..<min(start + 70_001, said.count)]))
            }
            #expect(try await connection.peer.read(answer.count) == answer)
            try await until("all of it") { connection.recorder.count >= said.count }
            #expect(connection.recorder.bytes == said)
        }
    }

    @Test("the peer's end comes behind its last byte; then all is told in the same order", arguments: Kind.allCases)
    func end(kind: Kind) async throws {
        try await withConnection(kind) { connection in
            let notes = connection.recorder.notes
            connection.channel.closeFuture.whenComplete { _ in notes.add("closed") }
            try await connection.peer.write(pattern(300_000))
            connection.peer.close()
            try await value(connection.channel.closeFuture)
            #expect(notes.all == ["added", "registered", "active", "inactive after 300000", "unregistered", "removed", "closed"])
            #expect(connection.recorder.bytes == pattern(300_000))
        }
    }

    @Test("nothing is read while reading is off; then everything comes", arguments: Kind.allCases)
    func off(kind: Kind) async throws {
        try await withConnection(kind) { connection in
            try await connection.autoRead(false)
            try await connection.peer.write(pattern(100_000))
            try await connection.turn()
            #expect(connection.recorder.count == 0)
            try await connection.autoRead(true)
            try await until("all of it") { connection.recorder.count == 100_000 }
            #expect(connection.recorder.bytes == pattern(100_000))
        }
    }

    @Test("with reading off, every read that is asked for gives something, and no more than that", arguments: [Kind.pipeline, .nio])
    func onDemand(kind: Kind) async throws {
        try await withConnection(kind) { connection in
            try await connection.autoRead(false)
            for round in 1...5 {
                try await connection.on { $0.read() }
                try await connection.turn()
                try await connection.peer.write(pattern(10, from: 20 * (round - 1)))
                try await until("what was asked for") { connection.recorder.count == 20 * round - 10 }
                try await connection.peer.write(pattern(10, from: 20 * round - 10))
                try await connection.turn()
                #expect(connection.recorder.count == 20 * round - 10)
                try await connection.on { $0.read() }
                try await until("the rest") { connection.recorder.count == 20 * round }
            }
            #expect(connection.recorder.bytes == pattern(100))
        }
    }

    @Test("the peer's end is told though reading is off, behind everything that it said", arguments: Kind.allCases)
    func endWhileOff(kind: Kind) async throws {
        try await withConnection(kind) { connection in
            try await connection.autoRead(false)
            // No more than the system takes while nobody reads: behind more than that, the end would not have come yet.
            try await connection.peer.write(pattern(40_000))
            connection.peer.close()
            try await value(connection.channel.closeFuture)
            #expect(connection.told == ["inactive after 40000", "unregistered", "removed"])
            #expect(connection.recorder.bytes == pattern(40_000))
        }
    }

    @Test("a reset is told as an error at once, also while reading is off", arguments: Kind.allCases, [true, false])
    func reset(kind: Kind, reads: Bool) async throws {
        try await withConnection(kind) { connection in
            try await connection.autoRead(reads)
            connection.peer.reset()
            try await value(connection.channel.closeFuture)
            #expect(connection.told == ["error \(ECONNRESET)", "inactive after 0", "unregistered", "removed"])
        }
    }

    @Test("a reset is told though the peer had shut its direction before", arguments: Kind.allCases)
    func resetAfterHalfClosure(kind: Kind) async throws {
        try await withConnection(kind, halfClosure: true) { connection in
            connection.peer.shutOutput()
            try await until("its end") { connection.told == ["input ended after 0"] }
            connection.peer.reset()
            try await value(connection.channel.closeFuture)
            // NIO does not say why.
            let told = connection.told.filter { $0 != "error \(EPIPE)" }
            #expect(told == ["input ended after 0", "inactive after 0", "unregistered", "removed"])
            #expect(connection.told.count == (kind == .nio ? 4 : 5))
        }
    }

    @Test("where half-closure is allowed, a peer that has shut its direction is still spoken to", arguments: Kind.allCases, [true, false])
    func halfClosure(kind: Kind, reads: Bool) async throws {
        try await withConnection(kind, halfClosure: true) { connection in
            try await connection.autoRead(reads)
            try await connection.peer.write(pattern(50_000))
            connection.peer.shutOutput()
            try await until("its end") { connection.told == ["input ended after 50000"] }
            try await value(connection.write(ByteBuffer(bytes: pattern(1_000))))
            #expect(try await connection.peer.read(1_000) == pattern(1_000))
            try await value(connection.close())
            // Handlers are removed behind the close that was asked for.
            try await value(connection.channel.closeFuture)
            #expect(try await connection.peer.read().isEmpty)
            let told = connection.told.filter { !$0.contains("writable") }
            #expect(told == ["input ended after 50000", "inactive after 50000", "unregistered", "removed"])
        }
    }

    @Test("when both directions are shut, the channel is closed", arguments: Kind.allCases)
    func bothShut(kind: Kind) async throws {
        try await withConnection(kind, halfClosure: true) { connection in
            connection.peer.shutOutput()
            try await until("its end") { connection.told == ["input ended after 0"] }
            try await value(connection.close(.output))
            try await value(connection.channel.closeFuture)
            #expect(connection.told == ["input ended after 0", "inactive after 0", "unregistered", "removed"])
        }
    }
}
