package import Links
package import Telemetry

/// One accepted link of a hub, as far as all hubs are alike. Confined to its event loop.
package protocol HubMember: AnyObject {
    /// Which port it came to, as status and metrics name it.
    var side: Side { get }
    var link: Link { get }
    var shell: MemberShell { get }
    /// ``MemberID/raw``; 0 before it is registered.
    var id: UInt64 { get }
    /// Every byte that waits for it.
    var queued: Int { get }
}
