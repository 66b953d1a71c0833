package import Telemetry
package import Wire

/// Why a link is turned away: REJECTed with the code, counted, closed.
package struct Refusal: Error, Equatable {
    package var code: Code
    /// For the peer. Before authentication it is the code's name alone.
    package var reason: String
    /// For the log: what was wrong, with the value.
    package var detail: String
    /// What it counts as, when it is a security event.
    package var breach: SecurityKind?

    package init(_ code: Code, reason: String? = nil, detail: String, breach: SecurityKind? = nil) {
        self.code = code
        self.reason = reason ?? code.name
        self.detail = detail
        self.breach = breach
    }

    /// For a peer that has shown a valid token: it hears what is wrong.
    fileprivate static func told(_ code: Code, _ detail: String, breach: SecurityKind? = nil) -> Refusal {
        Refusal(code, reason: "\(code.name): \(detail)", detail: detail, breach: breach)
    }
}

/// Judges a HELLO by itself, in the order of protocol section 4; what others have registered is the ``Registry``'s part. Pure.
package struct HelloRules: Sendable {
    /// The roles that this port takes.
    package let roles: Set<Role>
    package let joinList: JoinList
    /// The number of each entry of the list, by which registrations know it. An entry that stays in the list keeps it, wherever it moves.
    let credentials: [Int]
    /// What the next new entry is called.
    private let nextCredential: Int

    package init(roles: Set<Role>, joinList: JoinList) {
        self.roles = roles
        self.joinList = joinList
        credentials = Array(joinList.entries.indices)
        nextCredential = credentials.count
    }

    /// The same rules with another list (rule S26). An entry is the same one while its token and its certificate are.
    package init(_ old: HelloRules, joinList: JoinList) {
        roles = old.roles
        self.joinList = joinList
        var next = old.nextCredential
        credentials = joinList.entries.map { entry in
            let known = old.joinList.entries.firstIndex { $0.token == entry.token && $0.certificate == entry.certificate }
            if let known { return old.credentials[known] }
            defer { next += 1 }
            return next
        }
        nextCredential = next
    }

    /// - Parameter hello: a HELLO that has parsed, so framing, size and version are right.
    /// - Parameter certificateNames: the names of its verified certificate.
    package func judge(_ hello: Hello, certificateNames: [String] = []) throws(Refusal) -> Member {
        guard let place = joinList.find(hello.token, certificateNames: certificateNames) else {
            let shown = certificateNames.isEmpty ? "" : ", nor is its certificate (\(certificateNames.joined(separator: ", ")))"
            throw Refusal(.unauthorized, detail: "its token is not known here\(shown)", breach: .token)
        }
        guard let role = Role(rawValue: hello.role), roles.contains(role) else {
            let name = Role(rawValue: hello.role).map { "\($0)" } ?? "role \(hello.role)"
            let taken = roles.map { "\($0)" }.sorted().joined(separator: " or ")
            throw .told(.unauthorized, "this port takes role \(taken), not \(name)", breach: .credential)
        }
        let identity = try checkValues(hello, role)
        let entry = joinList.entries[place]
        try check(hello, role, against: entry)
        return Member(
            identity: identity, cluster: hello.cluster, flags: hello.flags, window: hello.window == 0 ? 65_536 : Int(hello.window),
            claims: hello.claims, credential: credentials[place], may: entry.may, name: hello.name)
    }

    // MARK: - Values

    private func checkValues(_ hello: Hello, _ role: Role) throws(Refusal) -> MemberIdentity {
        for claim in hello.claims where claim.lo > claim.hi {
            throw .told(.badRequest, "claim \(claim.lo)-\(claim.hi) is backwards")
        }
        if role == .service, let claim = hello.claims.first(where: { $0.hi >= UInt32(PacketHeader.firstControlType) }) {
            throw .told(.badRequest, "claim \(claim.lo)-\(claim.hi) is over the largest application type, 65279")
        }
        guard hello.node != 0 else { throw .told(.badRequest, "node is 0") }
        switch role {
        case .edge:
            guard hello.cluster != 0 else { throw .told(.badRequest, "cluster of an edge is 0") }
            guard hello.node < UInt64(PacketHeader.everyEdge) else { throw .told(.badRequest, "\(hello.node) is no ES id") }
            guard hello.claims.isEmpty else { throw .told(.badRequest, "an edge claims nothing") }
            return .edge(UInt32(hello.node))
        case .caller:
            guard hello.claims.isEmpty else { throw .told(.badRequest, "a caller claims nothing") }
            return .caller(hello.node)
        case .service: return .service(cluster: hello.cluster, node: hello.node)
        case .agent: return .agent(hello.node)
        }
    }

    // MARK: - Join list

    private func check(_ hello: Hello, _ role: Role, against entry: JoinEntry) throws(Refusal) {
        func refuse(_ what: String) -> Refusal { .told(.unauthorized, "this token does not allow \(what)", breach: .credential) }
        if let allowed = entry.role, allowed != role { throw refuse("role \(role)") }
        // A caller and an agent have no cluster.
        if let clusters = entry.clusters, role == .edge || role == .service, !clusters.contains(UInt64(hello.cluster)) {
            throw refuse("cluster \(hello.cluster)")
        }
        if let nodes = entry.nodes, !nodes.contains(hello.node) { throw refuse("node \(hello.node)") }
        guard let claims = entry.claims else { return }
        for claim in hello.claims where !claims.covers(UInt64(claim.lo)...UInt64(claim.hi)) { throw refuse("claim \(claim.lo)-\(claim.hi)") }
    }
}
