package import Telemetry
import Wire

/// What the owner of a link knows about it, for those who operate the process.
package struct LinkDescription {
    package var side: String
    package var name: String?
    package var route: String?
    package var session: UInt64?
    package var user: UInt64?
    package var framing: Framing

    package init(
        side: Side, name: String? = nil, route: String? = nil, session: UInt64? = nil, user: UInt64? = nil,
        framing: Framing = .packets(.standard)
    ) {
        self.side = side.rawValue
        self.name = name
        self.route = route
        self.session = session
        self.user = user
        self.framing = framing
    }
}
