import Wire

/// What has become of a hub; told to every loop.
enum HubChange: Sendable {
    /// It has said WELCOME.
    case up(id: UInt64)
    case reaches(Peers)
    /// It has said DRAIN.
    case draining
    case down
}
