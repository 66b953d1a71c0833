import NIOCore

/// The sessions that were told of lately, so that one that is gone is told of at most once a second (rule S12). Pure; bounded.
struct RecentNotices {
    /// Sessions that are remembered for one second; beyond them nothing is told until the second is over.
    static let limit = 65_536
    private static let second = TimeAmount.seconds(1)

    private var recent: Set<UInt64> = []
    private var earlier: Set<UInt64> = []
    private var turned = NIODeadline.distantPast

    /// Whether `session` may be told of now; if so it is remembered.
    mutating func admits(_ session: UInt64, now: NIODeadline) -> Bool {
        if now - turned >= RecentNotices.second {
            earlier = now - turned >= .nanoseconds(2 * RecentNotices.second.nanoseconds) ? [] : recent
            recent = []
            turned = now
        }
        guard recent.count < RecentNotices.limit, !earlier.contains(session) else { return false }
        return recent.insert(session).inserted
    }
}
