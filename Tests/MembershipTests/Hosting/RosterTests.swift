import Links
import Logging
import NIOCore
import NIOEmbedded
import Telemetry
import Testing
import Wire

@testable import Membership

@Suite("Roster of a hub's loop")
struct RosterTests {
    private let eventLoop = EmbeddedEventLoop()
    private let loop: LinkLoop
    private let roster: Roster<PlayedMember>

    init() {
        loop = LinkLoop(eventLoop: eventLoop)
        roster = Roster(loop: loop)
    }

    private func member(_ side: Side = .edges, id: UInt64 = 0, queued: Int = 0) throws -> PlayedMember {
        let member = PlayedMember(loop, side: side, id: id, queued: queued)
        let channel = EmbeddedChannel(handler: member.link, loop: eventLoop)
        try channel.connect(to: SocketAddress(ipAddress: "192.0.2.1", port: 7_200)).wait()
        roster.came(member)
        return member
    }

    @Test("S25: the loop has left when the last link's end is settled; whoever is not registered is turned away at once")
    func leaving() throws {
        let registered = try member(id: 7)
        let stranger = try member()
        let left = Flag()
        roster.leave().whenSuccess { left.isRaised = true }
        #expect(roster.isLeaving)
        #expect(!stranger.link.isOpen && registered.link.isOpen)
        roster.left(stranger)
        roster.settled()
        #expect(!left.isRaised)
        roster.left(registered)
        // What comes of the end is still being said.
        #expect(!left.isRaised)
        roster.settled()
        eventLoop.run()
        #expect(left.isRaised)
    }

    @Test("S25: a loop without links has left at once; one that is cut, too")
    func leavingAtOnce() throws {
        let (empty, cut) = (Flag(), Flag())
        Roster<PlayedMember>(loop: loop).leave().whenSuccess { empty.isRaised = true }
        eventLoop.run()
        #expect(empty.isRaised)
        let registered = try member(id: 7)
        roster.leave().whenSuccess { cut.isRaised = true }
        eventLoop.run()
        #expect(!cut.isRaised)
        roster.cut()
        eventLoop.run()
        #expect(cut.isRaised && !registered.link.isOpen)
    }

    @Test("Links are counted by the port that they came to, with what waits for them")
    func counts() throws {
        let members = [try member(.edges, queued: 3), try member(.services, queued: 40), try member(.services, queued: 500)]
        #expect(roster.count(of: .edges) == (1, 3))
        #expect(roster.count(of: .services) == (2, 540))
        roster.left(members[2])
        #expect(roster.count(of: .services) == (1, 40))
        #expect(roster.count(of: .agents) == (0, 0))
    }
}

private final class Flag: @unchecked Sendable { var isRaised = false }

/// A link of which the roster asks what it asks of every hub's.
private final class PlayedMember: HubMember, LinkOwner, MemberShellUser {
    let side: Side
    let link: Link
    let shell: MemberShell
    let id: UInt64
    let queued: Int

    init(_ loop: LinkLoop, side: Side, id: UInt64, queued: Int) {
        (self.side, self.id, self.queued) = (side, id, queued)
        link = Link(loop: loop)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        shell = MemberShell(link, on: loop, wire: PacketHubWire(), port: side.rawValue, heartbeat: .seconds(10), log: EventLog(logger))
        link.serve(self)
        shell.serve(self)
    }

    func linkOpened(_ link: Link) {}
    func link(_ link: Link, received bytes: UnsafeRawBufferPointer) -> Consumed { Consumed(bytes: bytes.count, needed: 0) }
    func linkDrained(_ link: Link) {}
    func link(_ link: Link, closed end: LinkEnd) {}
    func timerFired(_ timer: LoopTimer) {}

    var rules: HelloRules { HelloRules(roles: [.edge], joinList: JoinList([.everything(token: nil)])) }
    func register(_ member: Member) {}
    func update(to member: Member) {}
    func awaitPublication() {}
    var welcomeWords: Welcome { Welcome(hub: 1, heartbeatMilliseconds: 10_000, maxFrame: 65_535, name: "") }
    var peersNow: (version: UInt64, list: Peers) { (1, .ranges([])) }
    func welcomed() {}
    func breached(_ kind: SecurityKind) {}
}
