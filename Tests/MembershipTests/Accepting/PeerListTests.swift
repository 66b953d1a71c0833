import Membership
import Testing

@Suite("Registrations as one event loop sees them")
struct PeerListTests {
    private final class Link {}
    private var peers = PeerList<Link, LinkGauge>()
    private let slot = 3
    /// Later registrations have larger numbers.
    private func id(_ generation: UInt64) -> UInt64 { generation << 24 | UInt64(slot) }

    init() { peers.makeRoom(for: 4) }

    @Test("S11: a table that names who had the slot before takes nothing from the one that has it now")
    func laterStays() {
        var peers = peers
        let (link, gauge) = (Link(), LinkGauge())
        let own = peers.seat(Peer(id: id(2), loop: 0, gauge: gauge, link: link), gauge, at: slot)
        #expect(own && peers.link(of: id(2)) === link)
        let old = peers.seat(Peer(id: id(1), loop: 1, gauge: LinkGauge()), LinkGauge(), at: slot)
        #expect(!old && peers.slot(of: id(1)) == nil)
        #expect(peers.link(of: id(2)) === link)
        withExtendedLifetime((link, gauge)) {}
    }

    @Test("Who has been said to be gone before it was ever met is not met any more, and who comes after it is")
    func buried() {
        var peers = peers
        peers.bury(id(1))
        #expect(peers.slot(of: id(1)) == slot && peers.link(of: id(1)) == nil)
        let gauge = LinkGauge()
        let next = peers.seat(Peer(id: id(2), loop: 1, gauge: gauge), gauge, at: slot)
        peers.bury(id(1))
        #expect(next && peers.slot(of: id(2)) == slot)
        peers.bury(5 << 24 | 90)
        #expect(peers.slot(of: 5 << 24 | 90) == 90)
    }

    @Test("S13: what is staged for a registration is told to its gauge, also when another takes its slot first")
    func staged() {
        var peers = peers
        let (first, second) = (LinkGauge(), LinkGauge())
        peers.seat(Peer<Link, LinkGauge>(id: id(1), loop: 1, gauge: first), first, at: slot)
        peers.stage(100, for: slot)
        #expect(peers[slot].pendingRemotely() == 100)
        peers.seat(Peer(id: id(2), loop: 1, gauge: second), second, at: slot)
        #expect(first.pending == 100)
        peers.stage(7, for: slot)
        peers.posted()
        #expect(first.pending == 100 && second.pending == 7)
        peers[slot].arrived(7)
        #expect(second.pending == 0)
    }

    @Test("No registration has the number 0")
    func nobody() { #expect(PeerList<Link, LinkGauge>().slot(of: 0) == nil && peers.slot(of: 0) == nil) }
}
