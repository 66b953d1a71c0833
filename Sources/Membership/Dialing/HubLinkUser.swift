package import Links
package import Logging
package import Wire

/// Who owns a ``HubLink``: a gateway, a service, a caller, an agent. All calls come on the link's event loop.
///
/// Between ``hubIsUp(_:_:)`` and ``hubIsDown(_:_:)`` the link may be written to; of each pair of calls there is exactly one.
package protocol HubLinkUser: AnyObject {
    /// The hub has said WELCOME. What is appended to its link here goes before everything else.
    func hubIsUp(_ hub: HubLink, _ welcome: Welcome)
    /// What the hub reaches, replacing the last list.
    func hub(_ hub: HubLink, reaches peers: Peers)
    /// Bytes behind WELCOME, once for each read. The user walks the frames; those of membership it gives to ``HubLink/hear(_:_:)``, PING it
    /// answers itself (its header is echoed).
    func hub(_ hub: HubLink, on link: Link, received bytes: UnsafeRawBufferPointer) -> Consumed
    /// The queue has gone down to the link's `resumeMark`.
    func hubDrained(_ hub: HubLink, _ link: Link)
    /// The hub is leaving: start nothing new with it. When everything that came from it is answered, call ``HubLink/answeredEverything()``.
    func hubIsLeaving(_ hub: HubLink)
    /// The hub has answered our DRAIN: nothing new comes. When all that came is answered, call ``HubLink/done()``.
    func hubHasStopped(_ hub: HubLink)
    /// Nothing more may be said to it, for the reason given; the link may still be closing.
    func hubIsDown(_ hub: HubLink, _ code: Code)
    /// The link of a hub that was up is closed; what it still held (rule S2). Always after ``hubIsDown(_:_:)``.
    func hub(_ hub: HubLink, left remains: Remains)
    /// Something to log, of one of a few fixed kinds.
    func hub(_ hub: HubLink, event kind: String, level: Logger.Level, _ message: String)
}
