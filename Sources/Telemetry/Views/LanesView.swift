/// The lanes of a packet server in this process, as `/lanes` shows them (rule S8).
public struct LanesView: Sendable, Codable, Equatable {
    public var role: String
    /// Packets that wait, by lane: 1,024 numbers.
    public var depths: [Int]
    /// Calls over 1 s so far.
    public var stalls: Int

    public init(role: String, depths: [Int], stalls: Int) {
        self.role = role
        self.depths = depths
        self.stalls = stalls
    }
}
