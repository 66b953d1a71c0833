package import NIOCore

/// What a load balancer says before a client's first byte: whom it speaks for. Both versions of the PROXY protocol. Pure.
package enum ProxyHeader: Equatable {
    /// A client at that address.
    case client(SocketAddress)
    /// No one: the balancer itself (a health check), or a client whose address is of another kind.
    case unknown

    /// What the bytes received so far come to.
    package enum Reading: Equatable {
        /// They begin like a header; there must come more.
        case more
        /// A header of that many bytes.
        case header(ProxyHeader, length: Int)
        /// They are no header; why, in words.
        case malformed(String)
    }

    /// The most bytes that a header may have: an address of any kind, and room for what a balancer tells beside it.
    package static let maxLength = 4096

    /// Reads the front of `bytes`.
    package static func read(_ bytes: UnsafeRawBufferPointer) -> Reading {
        guard let first = bytes.first else { return .more }
        return switch first {
        case ProxyHeaderV1.start[0]: ProxyHeaderV1.read(bytes)
        case ProxyHeaderV2.signature[0]: ProxyHeaderV2.read(bytes)
        default: .malformed("it does not begin with a PROXY header")
        }
    }

    /// Whether `bytes` begin with `start` as far as both go.
    static func agree(_ bytes: UnsafeRawBufferPointer, _ start: [UInt8]) -> Bool { zip(bytes, start).allSatisfy(==) }
}
