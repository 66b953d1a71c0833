import Wire

/// Why a connection ended before the run did. ``description`` is one clear line.
package enum LoadFault: Sendable, Hashable, CustomStringConvertible {
    /// The peer closed it.
    case closed
    /// The peer refused it with that code.
    case rejected(UInt16)
    /// The peer sent a frame of that impossible length.
    case badLength(Int)
    /// The socket failed.
    case failed(String)

    package var description: String {
        switch self {
        case .closed: "closed by the peer"
        case .rejected(let code): "rejected: \(Code.name(of: code))"
        case .badLength(let length): "the peer sent a frame of \(length) bytes: it does not speak this protocol"
        case .failed(let reason): reason
        }
    }
}
