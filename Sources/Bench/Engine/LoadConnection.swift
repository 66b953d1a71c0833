package import NIOCore

/// One connection's side of the load: what it may send next, and what its incoming bytes mean. No channel, no clock.
package struct LoadConnection<Codec: BenchCodec>: Sendable {
    package private(set) var codec: Codec
    /// The connection's place among all connections of the run.
    package let index: Int
    /// Requests without an outcome.
    package private(set) var open = 0
    /// The next request of the common schedule that is this connection's: every n-th is, when the run has n connections.
    package private(set) var nextDue: UInt64

    private var sequence: UInt32 = 0
    private var lastAnswered: UInt32 = 0

    package init(codec: Codec, index: Int) {
        self.codec = codec
        self.index = index
        nextDue = UInt64(index)
    }

    /// The first words of a connection.
    package mutating func open(output: inout ByteBuffer) { codec.appendOpening(to: &output) }

    /// Requests may be sent.
    package var isReady: Bool { codec.isReady }

    /// Closed loop: appends requests until `window` are open.
    package mutating func fill(window: Int, at now: UInt64, ledger: inout Ledger, output: inout ByteBuffer) {
        while open < window, isReady { send(stamp: now, at: now, ledger: &ledger, output: &output) }
    }

    /// Open loop: appends this connection's requests among the first `due` of the schedule, until `output` holds `limit` bytes.
    package mutating func sendDue(
        _ due: UInt64, of pace: Pace, stride: UInt64, limit: Int, at now: UInt64, ledger: inout Ledger, output: inout ByteBuffer
    ) {
        while nextDue < due, output.readableBytes < limit {
            send(stamp: pace.time(of: nextDue), at: now, ledger: &ledger, output: &output)
            nextDue += stride
        }
    }

    /// How many requests of the schedule's part `range` this connection has not sent.
    package func unsent(in range: Range<UInt64>, stride: UInt64) -> UInt64 {
        guard nextDue < range.upperBound else { return 0 }
        let skipped = nextDue >= range.lowerBound ? 0 : (range.lowerBound - nextDue + stride - 1) / stride
        let first = nextDue + skipped * stride
        return first < range.upperBound ? (range.upperBound - first - 1) / stride + 1 : 0
    }

    private mutating func send(stamp: UInt64, at now: UInt64, ledger: inout Ledger, output: inout ByteBuffer) {
        sequence &+= 1
        codec.appendRequest(sentAt: stamp, sequence: sequence, to: &output)
        ledger.requestSent(stamp: stamp, at: now)
        open += 1
    }

    /// Takes every whole message in `bytes`.
    /// - Parameter start: when the run began; a stamp from before it, or from the future, is not one of ours.
    /// - Returns: bytes that were taken, and why nothing more can be understood.
    package mutating func receive(
        _ bytes: UnsafeRawBufferPointer, at now: UInt64, start: UInt64, ledger: inout Ledger, output: inout ByteBuffer
    ) -> (taken: Int, fault: LoadFault?) {
        var taken = 0
        while true {
            let message = codec.read(UnsafeRawBufferPointer(rebasing: bytes[taken...]), output: &output)
            taken += message.length
            switch message.meaning {
            case .incomplete:
                return (taken, nil)
            case .answer(let sentAt, let sequence):
                guard sentAt >= start, sentAt <= now else {
                    ledger.packetIgnored()
                    continue
                }
                if sequence != 0 {
                    // The difference as a signed number is right across the wrap.
                    if Int32(bitPattern: sequence &- lastAnswered) > 0 { lastAnswered = sequence } else { ledger.answerOvertaken() }
                }
                settle()
                ledger.answerReceived(stamp: sentAt, at: now)
            case .undelivered(let code, let sentAt):
                settle()
                ledger.undeliveredReceived(code: code, stamp: sentAt, at: now)
            case .reject(let code):
                ledger.rejectReceived(code: code)
                return (taken, .rejected(code))
            case .upkeep:
                continue
            case .foreign:
                ledger.packetIgnored()
            case .badLength(let length):
                return (taken, .badLength(length))
            }
        }
    }

    /// An outcome came. A peer that answers twice must not make room for more than the window.
    private mutating func settle() { open = max(0, open - 1) }
}
