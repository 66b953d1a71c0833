/// Which of a loop's clients are bound to a user; several when a user has several connections.
struct UserIndex {
    private var clients: [UInt64: [ClientLink]] = [:]

    func find(_ user: UInt64) -> [ClientLink] { clients[user] ?? [] }

    mutating func insert(_ client: ClientLink, user: UInt64) { clients[user, default: []].append(client) }

    mutating func remove(_ client: ClientLink, user: UInt64) {
        clients[user]?.removeAll { $0 === client }
        if clients[user]?.isEmpty == true { clients[user] = nil }
    }
}
