/// What waits in one place of a role, as `/pending` shows it: packets for an upstream, or calls for their answers.
public struct PendingView: Sendable, Codable, Equatable {
    public var role: String
    public var route: String
    /// packets or calls.
    public var what: String
    public var count: Int
    public var bytes: Int
    /// Age of the oldest; 0 while nothing waits.
    public var oldestMilliseconds: Int

    public init(role: String, route: String, what: String, count: Int, bytes: Int = 0, oldestMilliseconds: Int = 0) {
        self.role = role
        self.route = route
        self.what = what
        self.count = count
        self.bytes = bytes
        self.oldestMilliseconds = oldestMilliseconds
    }

    /// The same place as another loop has it.
    public mutating func add(_ other: PendingView) {
        count += other.count
        bytes += other.bytes
        oldestMilliseconds = max(oldestMilliseconds, other.oldestMilliseconds)
    }
}
