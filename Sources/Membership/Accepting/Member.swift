package import Wire

/// Who a link speaks for. At most one live link of a hub has it (protocol section 4, "Identity").
package enum MemberIdentity: Sendable, Hashable, CustomStringConvertible {
    /// An edge, by its ES id: unique on a hub over all clusters.
    case edge(UInt32)
    /// A service instance of one cluster.
    case service(cluster: UInt32, node: UInt64)
    /// A caller, by its identify id.
    case caller(UInt64)
    /// An agent, by its instance id.
    case agent(UInt64)

    package var role: Role {
        switch self {
        case .edge: .edge
        case .service: .service
        case .caller: .caller
        case .agent: .agent
        }
    }

    /// The number that the choice function knows it by.
    package var node: UInt64 {
        switch self {
        case .edge(let es): UInt64(es)
        case .service(_, let node), .caller(let node), .agent(let node): node
        }
    }

    package var description: String {
        switch self {
        case .edge(let es): "edge \(es)"
        case .service(let cluster, let node): "service \(node) of cluster \(cluster)"
        case .caller(let node): "caller \(node)"
        case .agent(let node): "agent \(node)"
        }
    }
}

/// What an accepted HELLO says.
package struct Member: Sendable, Equatable {
    package var identity: MemberIdentity
    package var cluster: UInt32
    package var flags: Hello.Flags
    /// Calls that an agent takes at once; 0 in the HELLO is 65,536.
    package var window: Int
    package var claims: [Claim]
    /// Which join entry let it in, and what that allows it to say.
    package var credential: Int
    package var may: JoinEntry.Permissions
    package var name: String
}

/// Names one registration: a place that is used again, and a number that is not.
///
/// | bits    | field                                             |
/// |---------|---------------------------------------------------|
/// | 0 - 23  | slot: its place in tables                         |
/// | 24 - 63 | generation: the hub's count of registrations      |
package struct MemberID: Sendable, Hashable {
    package let raw: UInt64
    package static let maxSlots = 1 << 24

    @inlinable package init(raw: UInt64) { self.raw = raw }
    package init(slot: Int, generation: UInt64) { raw = generation << 24 | UInt64(slot) }

    @inlinable package var slot: Int { Int(raw & 0xFF_FFFF) }
    /// Later registrations have larger numbers.
    @inlinable package var generation: UInt64 { raw >> 24 }
}
