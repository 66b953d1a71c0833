public import Wire

/// One credential, and what whoever shows it may register and say. Source: config, `join:`.
public struct JoinEntry: Sendable, Equatable {
    /// What a service may say besides application packets and UNDELIVERED.
    public struct Permissions: OptionSet, Sendable, Hashable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        public static let kick = Permissions(rawValue: 1)
        public static let bind = Permissions(rawValue: 2)
        /// MULTICAST and pushes to a user.
        public static let multicast = Permissions(rawValue: 4)
        public static let all: Permissions = [.kick, .bind, .multicast]
    }

    /// The token that must be shown; nil accepts any (a hub without `token` and `join`).
    public var token: [UInt8]?
    /// A name that the peer's certificate, which the listener has verified, must be made out to; then the token is not looked at.
    public var certificate: String?
    /// nil: any. The same for the sets below.
    public var role: Role?
    public var clusters: Ranges?
    public var nodes: Ranges?
    /// Packet types, or RPC ids of an RPC hub.
    public var claims: Ranges?
    public var may: Permissions

    public init(
        token: [UInt8]?, certificate: String? = nil, role: Role? = nil, clusters: Ranges? = nil, nodes: Ranges? = nil, claims: Ranges? = nil,
        may: Permissions = []
    ) {
        self.token = token
        self.certificate = certificate
        self.role = role
        self.clusters = clusters
        self.nodes = nodes
        self.claims = claims
        self.may = may
    }

    /// Allows everything to whoever shows `token`; nil: to anyone.
    public static func everything(token: [UInt8]?) -> JoinEntry { JoinEntry(token: token, may: .all) }
}

/// Every credential that a hub knows. The entry is the credential: tokens differ between entries.
public struct JoinList: Sendable, Equatable {
    public var entries: [JoinEntry]

    public init(_ entries: [JoinEntry]) { self.entries = entries }

    /// The position of the entry with that token, or for a certificate with one of those names. All entries are compared, each in a time that depends on `token`'s length alone, so that
    /// an answer's delay tells nothing about how much of a guess was right.
    package func find(_ token: [UInt8], certificateNames: [String] = []) -> Int? {
        var found: Int?
        for (index, entry) in entries.enumerated() {
            let matches =
                if let name = entry.certificate { certificateNames.contains(name) } else { entry.token.map { JoinList.isEqual(token, $0) } ?? true }
            if matches, found == nil { found = index }
        }
        return found
    }

    /// Compares without stopping at the first difference.
    private static func isEqual(_ shown: [UInt8], _ known: [UInt8]) -> Bool {
        var difference = shown.count ^ known.count
        for index in shown.indices {
            let other = known.isEmpty ? 0 : known[index % known.count]
            difference |= Int(shown[index] ^ other)
        }
        return difference == 0
    }
}
