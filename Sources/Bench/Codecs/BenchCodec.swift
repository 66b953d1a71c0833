package import NIOCore

/// How one protocol says a request, and what it makes of the bytes that come back. The engine does all the rest.
///
/// One value serves one connection. It must find `sentAt` again for every answer: in bytes that the peer echoes, or in a table of
/// its own that is indexed by the sequence number.
package protocol BenchCodec: Sendable {
    /// Bytes of one request at most; sizes the output buffer.
    var requestSize: Int { get }

    /// Appends what a connection has to say before its first request: of protocols that register.
    mutating func appendOpening(to output: inout ByteBuffer)

    /// Whether requests may be sent: the peer has answered what ``appendOpening(to:)`` said.
    var isReady: Bool { get }

    /// Appends one request.
    /// - Parameters:
    ///   - sentAt: the request's time in nanoseconds, handed back with its answer.
    ///   - sequence: 1, 2, 3... on each connection; wraps.
    mutating func appendRequest(sentAt: UInt64, sequence: UInt32, to output: inout ByteBuffer)

    /// Reads the message that `bytes` starts with. What the protocol wants said back (an answer to a PING) goes to `output`.
    mutating func read(_ bytes: UnsafeRawBufferPointer, output: inout ByteBuffer) -> BenchMessage
}

extension BenchCodec {
    package mutating func appendOpening(to output: inout ByteBuffer) {}
    package var isReady: Bool { true }
}

/// One message from the peer. Trivial to copy: it is made for every packet.
package struct BenchMessage: Equatable {
    package enum Meaning: Equatable {
        /// More bytes are needed.
        case incomplete
        /// A request was answered. `sequence` is 0 when the message does not tell.
        case answer(sentAt: UInt64, sequence: UInt32)
        /// A request could not be delivered.
        case undelivered(code: UInt16, sentAt: UInt64?)
        /// The peer refuses the connection and will close it.
        case reject(code: UInt16)
        /// Upkeep of the connection; of no interest.
        case upkeep
        /// Not an answer to anything that this connection asked.
        case foreign
        /// A frame's length is impossible: nothing behind it can be understood.
        case badLength(Int)
    }

    /// Bytes that the message takes; 0 for `incomplete` and `badLength`.
    package var length: Int
    package var meaning: Meaning

    package init(length: Int, meaning: Meaning) {
        self.length = length
        self.meaning = meaning
    }

    package static let incomplete = BenchMessage(length: 0, meaning: .incomplete)
}
