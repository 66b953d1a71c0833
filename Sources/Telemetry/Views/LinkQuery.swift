/// Which links to show, in which order, and how many.
public struct LinkQuery: Sendable, Equatable {
    /// Largest first.
    public enum Sort: String, Sendable, CaseIterable {
        case age, idle, queued, kept, received, written
    }

    /// The most that one answer holds.
    public static let maxLimit = 1000
    public static let defaultLimit = 100

    public var side: String?
    /// open, finishing, lingering or closed.
    public var state: String?
    public var code: String?
    public var session: String?
    public var user: String?
    /// Part of the address, name, route, session, user or id, in any case.
    public var text: String?
    public var sort = Sort.age
    public var limit = LinkQuery.defaultLimit

    public init() {}

    public func matches(_ link: LinkView) -> Bool {
        if let side, link.side != side { return false }
        if let state, link.state != state { return false }
        if let code, link.code != code { return false }
        if let session, link.session != session { return false }
        if let user, link.user != user { return false }
        guard let text = text?.lowercased(), !text.isEmpty else { return true }
        return [link.remote, link.name, link.route, link.session, link.user, "\(link.id)"].contains { $0?.lowercased().contains(text) ?? false }
    }

    /// What the order is by.
    public func key(_ link: LinkView) -> Double {
        switch sort {
        case .age: link.closedSecondsAgo.map { -$0 } ?? link.ageSeconds
        case .idle: link.idleSeconds
        case .queued: Double(link.queuedBytes)
        case .kept: Double(link.keptBytes)
        case .received: Double(link.receivedBytes)
        case .written: Double(link.writtenBytes)
        }
    }

    /// The first ``limit`` in order; links of equal key in the order of their ids, so that the same links give the same answer.
    public func first(of links: [LinkView]) -> [LinkView] {
        Array(links.sorted { (key($0), $1.id) > (key($1), $0.id) }.prefix(limit))
    }
}
