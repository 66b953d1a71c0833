import Telemetry
package import Wire

/// Who decides what the frames of a link mean. All calls come on the link's event loop.
package protocol LinkOwner: TimerTarget {
    /// The connection stands; called once, before anything is received.
    func linkOpened(_ link: Link)
    /// Bytes in the order received. The owner takes whole frames off the front and says how far it came; it is called once for each
    /// read, not once for each frame, so that the frame loop is the owner's own code. The bytes are gone when it returns.
    func link(_ link: Link, received bytes: UnsafeRawBufferPointer) -> Consumed
    /// A flush brought the queue to ``Link/resumeMark`` or below; said only when a mark is set.
    func linkDrained(_ link: Link)
    /// The peer has shut its direction and may still read; said only where ``Link/staysHalfOpen`` is set, when all its bytes have been shown.
    func linkInputEnded(_ link: Link)
    /// The connection is gone; called once, last.
    func link(_ link: Link, closed end: LinkEnd)
    /// What there is to say about it to those who operate the process; asked when they look, and when it has ended.
    func description(of link: Link) -> LinkDescription
    /// An operator wants it closed.
    func closeForOperator(_ link: Link)
    /// The code of an end that the peer brought about without a word (config, Metrics: cancelled for clients, lost otherwise).
    var codeOfSilentEnd: Code { get }
}

extension LinkOwner {
    package func description(of link: Link) -> LinkDescription { LinkDescription(side: .upstream) }
    package func closeForOperator(_ link: Link) { link.close(.cancelled) }
    package var codeOfSilentEnd: Code { .lost }
}

extension LinkOwner {
    package func linkInputEnded(_: Link) {}
}

/// Why and with what a link ended.
package struct LinkEnd {
    /// The code that this side closed it with, or nil when the peer or the network ended it.
    package var code: Code?
    /// What the system said, when it said anything.
    package var error: (any Error)?
    /// What was still to be written.
    package var remains: Remains
}
