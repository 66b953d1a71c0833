import NIOCore
import NIOEmbedded
import Testing
import Wire

@testable import Links

/// How a link ends (protocol section 5, "Closing with a code").
@Suite("Link, closing")
struct LinkClosingTests {
    @Test("the last word is the last bytes, behind what was queued; then our direction is shut")
    func lastWord() throws {
        let rig = try EmbeddedLink()
        rig.send([1])
        rig.close(.slowConsumer)
        #expect(rig.link.state == .finishing(.slowConsumer))
        rig.send([2])
        rig.endTurn()
        rig.send([3])
        rig.endTurn()
        #expect(try rig.written() == [[1, 0xEE]])
        #expect(rig.isHalfClosed && rig.link.state == .lingering(.slowConsumer))
        #expect(rig.owner.ends.isEmpty)
    }

    @Test("what comes in after the last word is discarded, even if the link was paused")
    func discards() throws {
        let rig = try EmbeddedLink()
        rig.link.pauseReading()
        rig.close()
        #expect(rig.isAutoRead)
        try rig.receive(RecordingOwner.frame([1]))
        rig.endTurn()
        try rig.receive(RecordingOwner.frame([2]))
        #expect(rig.owner.frames.isEmpty)
    }

    @Test("frames behind the one that closed the link are not given to the owner")
    func closesWithinRead() throws {
        let rig = try EmbeddedLink()
        rig.owner.onFrame = { _ in rig.close() }
        try rig.receive((0..<3).flatMap { RecordingOwner.frame([$0]) })
        #expect(rig.owner.frames == [[0]])
        try rig.receive(RecordingOwner.frame([3]))
        #expect(rig.owner.frames == [[0]])
    }

    @Test("S14: a peer that does not take the last word within a second is cut, not before")
    func flushDeadline() throws {
        let rig = try EmbeddedLink()
        rig.holdSocket()
        rig.send([1])
        rig.endTurn()
        rig.close(.draining)
        rig.endTurn()
        rig.eventLoop.advanceTime(by: .milliseconds(999))
        #expect(rig.owner.ends.isEmpty && rig.link.state == .finishing(.draining))
        rig.eventLoop.advanceTime(by: .milliseconds(12))
        #expect(rig.owner.ends.map(\.code) == [.draining] && rig.link.state == .closed)
        #expect(!rig.channel.isActive && !rig.isHalfClosed)
    }

    @Test("S14: a peer that does not close is waited for at most a second, counted from the last byte")
    func lingerDeadline() throws {
        let rig = try EmbeddedLink()
        rig.holdSocket()
        rig.send([1])
        rig.endTurn()
        rig.close()
        rig.eventLoop.advanceTime(by: .milliseconds(900))
        rig.freeSocket()
        rig.endTurn()
        #expect(rig.isHalfClosed && rig.link.state == .lingering(.idle))
        rig.eventLoop.advanceTime(by: .milliseconds(999))
        #expect(rig.owner.ends.isEmpty)
        rig.eventLoop.advanceTime(by: .milliseconds(12))
        #expect(rig.owner.ends.map(\.code) == [.idle])
        #expect(!rig.channel.isActive)
    }

    @Test("the peer's close ends the lingering at once, with our code; no deadline is left behind")
    func peerCloses() throws {
        let rig = try EmbeddedLink()
        rig.close(.unauthorized)
        rig.endTurn()
        rig.channel.close(promise: nil)
        rig.endTurn()
        #expect(rig.owner.ends.map(\.code) == [.unauthorized])
        rig.eventLoop.advanceTime(by: .seconds(10))
        #expect(rig.owner.ends.count == 1)
    }

    @Test("closing twice is closing once")
    func twice() throws {
        let rig = try EmbeddedLink()
        rig.close(.idle)
        rig.close(.draining)
        rig.endTurn()
        #expect(try rig.written() == [[0xEE]])
        #expect(rig.link.state == .lingering(.idle))
    }

    @Test("S14: to abandon is at once and without a word, from every state")
    func abandon() throws {
        let rig = try EmbeddedLink()
        rig.holdSocket()
        rig.send([1])
        rig.link.abandon(.slowConsumer)
        #expect(rig.owner.ends.map(\.code) == [.slowConsumer])
        #expect(!rig.channel.isActive && rig.loop.queuedBytes == 0)
        rig.link.abandon(.idle)
        rig.send([2])
        rig.endTurn()
        #expect(rig.owner.ends.count == 1)
        #expect(try rig.written().isEmpty)

        let closing = try EmbeddedLink()
        closing.link.close(.idle)
        closing.link.abandon(.draining)
        #expect(closing.owner.ends.count == 1)
    }

    @Test("S2: a peer that just closes gives no code; what the system said is told")
    func peer() throws {
        let rig = try EmbeddedLink()
        rig.channel.pipeline.fireErrorCaught(ChannelError.inputClosed)
        #expect(rig.owner.ends.count == 1)
        #expect(rig.owner.ends.first?.code == nil)
        #expect(rig.owner.ends.first?.error as? ChannelError == .inputClosed)
    }
}

extension EmbeddedLink {
    /// Closes the link with a last word of one byte.
    fileprivate func close(_ code: Code = .idle) { link.close(code) { $0.append(ByteBuffer(bytes: [0xEE])) } }

    @Test("a peer that shuts its direction is told to an owner who asked for it, and the link ends by closing without waiting for the peer")
    func peerHalfCloses() throws {
        let rig = try EmbeddedLink()
        rig.link.staysHalfOpen = true
        rig.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(rig.owner.inputEnds == 1)
        #expect(rig.link.isOpen)
        rig.send([1])
        rig.link.close(.cancelled)
        rig.endTurn()
        #expect(try rig.written() == [[1]])
        #expect(rig.link.state == .closed)
        #expect(rig.owner.ends.map(\.code) == [.cancelled])
    }

    @Test("a link that lingers ends when the peer shuts its direction")
    func peerHalfClosesLate() throws {
        let rig = try EmbeddedLink()
        rig.link.staysHalfOpen = true
        rig.link.close(.draining)
        rig.endTurn()
        #expect(rig.link.state == .lingering(.draining))
        rig.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(rig.owner.inputEnds == 0)
        #expect(rig.link.state == .closed)
    }
}
