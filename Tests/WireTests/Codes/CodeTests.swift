import Testing
import Wire

/// The one table of codes; a number or name that changes would break every peer, log and dashboard.
@Suite("Codes")
struct CodeTests {
    private static let table: [(UInt16, String)] = [
        (1, "noRoute"), (2, "noPeer"), (3, "busy"), (4, "draining"), (5, "neverSent"), (6, "lost"), (7, "deadline"), (8, "cancelled"),
        (9, "badRequest"), (10, "tooLarge"), (11, "unauthorized"), (12, "rateLimited"), (13, "takenOver"), (14, "protocol"),
        (15, "unsupportedVersion"), (16, "slowConsumer"), (17, "remoteException"), (18, "idle"), (19, "internal"),
    ]

    @Test("numbers and names are those of the protocol")
    func names() {
        #expect(Code.allCases.count == Self.table.count)
        for (number, name) in Self.table {
            #expect(Code(rawValue: number)?.name == name)
            #expect(Code(rawValue: number).map { "\($0)" } == name)
            #expect(Code.name(of: number) == name)
        }
    }

    @Test("a code that this version does not know is shown by its number")
    func unknown() {
        #expect(Code(rawValue: 0) == nil)
        #expect(Code(rawValue: 20) == nil)
        #expect(Code.name(of: 0) == "code 0")
        #expect(Code.name(of: 20) == "code 20")
        #expect(Code.name(of: 0xFFFF) == "code 65535")
    }
}
