import Switchyard
import Testing
import Wire

/// What decides in which lane a packet waits.
@Suite("Lane key")
struct LaneKeyTests {
    @Test("S8: the session, or the user where it is known")
    func value() {
        let bound = PacketHeader(bodyCount: 0, type: 1, user: 5, session: 77)
        let unbound = PacketHeader(bodyCount: 0, type: 1, user: 0, session: 77)
        #expect(LaneKey.session.value(of: bound) == 77)
        #expect(LaneKey.session.value(of: unbound) == 77)
        #expect(LaneKey.user.value(of: bound) == 5)
        #expect(LaneKey.user.value(of: unbound) == 77)
    }
}
