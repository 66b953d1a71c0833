import Testing
import Wire

/// Kinds 1 to 12, in the order of the protocol's table.
@Suite("Control types")
struct ControlTypeTests {
    @Test("Pack_type is 0xFF00 + kind, under the table's names")
    func table() {
        let names = [
            "HELLO", "WELCOME", "REJECT", "PING", "PONG", "DRAIN", "UNDELIVERED", "SESSION_CLOSED", "KICK", "BIND", "MULTICAST", "PEERS",
        ]
        #expect(ControlType.allCases.map(\.name) == names)
        #expect(ControlType.allCases.map(\.rawValue) == (0xFF01...0xFF0C).map { $0 })
        #expect(ControlType(rawValue: 0xFF00) == nil)
        #expect(ControlType(rawValue: 0xFF0D) == nil)
        #expect(Ping.maxBody == 64)
    }
}
