/// Which of a loop's clients are bound to a user; several when a user has several connections.
package struct UserIndex<Client: AnyObject> {
    private var clients: [UInt64: [Client]] = [:]

    package init() {}

    package func find(_ user: UInt64) -> [Client] { clients[user] ?? [] }

    package mutating func insert(_ client: Client, user: UInt64) { clients[user, default: []].append(client) }

    package mutating func remove(_ client: Client, user: UInt64) {
        clients[user]?.removeAll { $0 === client }
        if clients[user]?.isEmpty == true { clients[user] = nil }
    }
}
