import Sessions

/// Limits on the links of a hub (rule S16); nil is unlimited.
public struct MemberLimits: Sendable, Equatable {
    /// Links at once; one more is refused with REJECT 12.
    public var connections: Int? = 10_000
    /// Links of one address at once.
    public var perAddress: Int?

    /// The documented defaults.
    public init() {}

    /// As those who connect are counted.
    var forAdmission: ClientLimits {
        var limits = ClientLimits()
        limits.connections = connections
        limits.perAddress = perAddress
        return limits
    }
}
