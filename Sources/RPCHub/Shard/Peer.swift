import Membership

/// One agent as one event loop sees it.
final class Peer {
    /// ``MemberID/raw``.
    let id: UInt64
    let loop: Int
    /// The link, on the loop that owns it and while it stands.
    @exclusivity(unchecked) var member: MemberLink?
    let gauge: AgentGauge
    /// Bytes that this loop has put into its outbox for it in this turn.
    @exclusivity(unchecked) var staged = 0
    /// What waited for it when the first of them was put there.
    @exclusivity(unchecked) private var seen = 0

    init(id: UInt64, loop: Int, gauge: AgentGauge, member: MemberLink? = nil) {
        self.id = id
        self.loop = loop
        self.gauge = gauge
        self.member = member
    }

    /// Bytes that wait for a link of another loop, looked up once a turn.
    @inline(__always)
    var pendingRemotely: Int {
        if staged == 0 { seen = gauge.bytes.pending }
        return seen + staged
    }
}
