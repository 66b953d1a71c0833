#if os(Linux)
    import Glibc
    import Links
    import NIOCore
    import Synchronization
    import Telemetry
    import Testing

    /// A link that reads and writes its socket itself, and a plain socket at the other end.
    @Suite("Links on sockets", .timeLimit(.minutes(2)))
    struct SocketLinkTests {
        /// What stands on the event loop. `@unchecked Sendable`: used there alone, but for the ends.
        private final class Side: @unchecked Sendable {
            let loop: LinkLoop
            let owner = RecordingOwner()
            var link: Link!

            init(_ eventLoop: any EventLoop) { loop = LinkLoop(eventLoop: eventLoop) }

            func on<T: Sendable>(_ body: @escaping @Sendable (Side) -> T) async throws -> T {
                try await loop.eventLoop.submit { body(self) }.get()
            }

            /// Queues the bytes of a pattern, from `range`, in frames of 50,000 bytes that leave at the end of the turn.
            func send(_ range: Range<Int>) async throws {
                try await on { side in
                    for start in stride(from: range.lowerBound, to: range.upperBound, by: 50_000) {
                        let part = start..<min(start + 50_000, range.upperBound)
                        side.link.append(part.count) { target in
                            for place in part { (target + (place - part.lowerBound)).storeBytes(of: SocketLinkTests.byte(place), as: UInt8.self) }
                        }
                    }
                }
            }
        }

        /// Bytes that show when one is missing, doubled or out of place.
        private static func byte(_ place: Int) -> UInt8 { UInt8(truncatingIfNeeded: place &* 31 &+ place >> 8) }

        private static func isPattern(_ bytes: some Collection<UInt8>, from start: Int) -> Bool {
            zip(bytes, start...).allSatisfy { $0 == byte($1) }
        }

        private func eventually(_ what: Comment, _ condition: () async throws -> Bool) async throws {
            let deadline = ContinuousClock.now + .seconds(30)
            while try await !condition() {
                try #require(ContinuousClock.now < deadline, what)
                try await Task.sleep(for: .milliseconds(1))
            }
        }

        private func withLink(_ body: (Side, Peer) async throws -> Void) async throws {
            let group = EventLoops.start(threads: 1)
            let side = Side(group.next())
            let listener = try await Listener.bind(.host("127.0.0.1", port: 0), group: group, receiveBuffer: Sockets.trunkBuffer) { child in
                side.link = Link(loop: side.loop, owner: side.owner)
                try child.pipeline.syncOperations.addHandler(side.link)
            }
            guard case .host(_, let port) = listener.address else { return }
            let peer = try Peer(port: port)
            try await eventually("the link is open") { try await side.on { $0.owner.opened == 1 } }
            try await body(side, peer)
            await listener.close()
            peer.close()
            try await group.shutdownGracefully()
        }

        @Test("S2, S5: what the socket takes in part arrives once and in order, and the count of what waits comes to nothing")
        func inPart() async throws {
            try await withLink { side, peer in
                try await side.send(0..<8_000_000)
                let (queued, written) = try await side.on { ($0.link.queued, $0.link.endOffset) }
                #expect(queued > 0 && queued < 8_000_000 && written == 8_000_000, "the socket has taken a part")
                try await side.send(8_000_000..<8_000_100)
                var bytes: [UInt8] = []
                try await eventually("all of it") {
                    bytes += try peer.read()
                    return bytes.count >= 8_000_100
                }
                let isSame = bytes.count == 8_000_100 && SocketLinkTests.isPattern(bytes, from: 0)
                #expect(isSame)
                try await eventually("nothing waits") { try await side.on { $0.link.queued == 0 && $0.loop.queuedBytes == 0 } }
            }
        }

        @Test("small frames arrive at once, and what comes is read, turn after turn")
        func small() async throws {
            try await withLink { side, peer in
                for round in 0..<200 {
                    try peer.write(RecordingOwner.frame([UInt8(round)]))
                    try await eventually("the frame") { try await side.on { $0.owner.frames.count == round + 1 } }
                    try await side.send(round * 10..<round * 10 + 10)
                    #expect(try await side.on { $0.link.queued + $0.loop.queuedBytes } == 0)
                    var bytes: [UInt8] = []
                    try await eventually("the answer") {
                        bytes += try peer.read()
                        return bytes.count >= 10
                    }
                    #expect(bytes.count == 10 && SocketLinkTests.isPattern(bytes, from: round * 10))
                }
                #expect(try await side.on { $0.owner.frames } == (0..<200).map { [UInt8($0)] })
            }
        }

        @Test("S2: of what a dead link held, what the socket was given none of is whole, and stands where it is said to stand")
        func death() async throws {
            try await withLink { side, peer in
                try await side.send(0..<8_000_000)
                peer.reset()
                try await eventually("its end") { try await side.on { $0.owner.ends.count == 1 } }
                try await side.on { side in
                    let remains = side.owner.ends[0].remains
                    var offset = remains.heldOffset
                    for block in remains.held {
                        #expect(SocketLinkTests.isPattern(block.readableBytesView, from: offset))
                        offset += block.readableBytes
                    }
                    #expect(offset == 8_000_000 && remains.heldOffset < 8_000_000)
                    let inDoubt = remains.writing?.readableBytes ?? 0
                    #expect(inDoubt > 0 && inDoubt <= 256 << 10)
                    #expect(side.loop.queuedBytes == 0)
                }
            }
        }

        @Test("whoever listens hears every byte of both directions")
        func tapped() async throws {
            final class Tap: StreamTap {
                let heard = Mutex<[[UInt8]]>([[], []])
                func bytes(_ bytes: UnsafeRawBufferPointer, of link: TappedLink, _ direction: Direction) {
                    heard.withLock { $0[direction == .in ? 0 : 1] += bytes }
                }
            }
            try await withLink { side, peer in
                let tap = Tap()
                await side.loop.tap(1, tap)
                try peer.write(RecordingOwner.frame([1, 2, 3]))
                try await side.send(0..<100)
                try await eventually("both are heard") { tap.heard.withLock { $0[0].count >= 7 && $0[1].count >= 100 } }
                #expect(tap.heard.withLock { $0[0] } == RecordingOwner.frame([1, 2, 3]))
                #expect(tap.heard.withLock { $0[1].count == 100 && SocketLinkTests.isPattern($0[1], from: 0) })
            }
        }
    }

    /// A socket without an event loop. It does not block.
    private struct Peer {
        let descriptor: CInt

        struct Failed: Error { var number: CInt }

        init(port: Int) throws {
            descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            let address = try SocketAddress(ipAddress: "127.0.0.1", port: port)
            guard address.withSockAddr({ connect(descriptor, $0, socklen_t($1)) }) == 0 else { throw Failed(number: errno) }
            _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        }

        /// A few bytes.
        func write(_ bytes: [UInt8]) throws {
            guard send(descriptor, bytes, bytes.count, CInt(MSG_NOSIGNAL)) == bytes.count else { throw Failed(number: errno) }
        }

        /// What there is.
        func read() throws -> [UInt8] {
            [UInt8](unsafeUninitializedCapacity: 1 << 20) { buffer, count in count = max(0, recv(descriptor, buffer.baseAddress, buffer.count, 0)) }
        }

        func close() { Glibc.close(descriptor) }

        /// Ends with RST.
        func reset() {
            var linger = linger(l_onoff: 1, l_linger: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
            close()
        }
    }
#endif
