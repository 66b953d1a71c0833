import NIOCore
import Testing
import Wire

/// WELCOME: the hub's answer to an accepted HELLO.
@Suite("WELCOME")
struct WelcomeTests {
    @Test("every field goes there and back")
    func roundTrip() throws {
        let welcome = Welcome(hub: .max, heartbeatMilliseconds: 10_000, maxFrame: 65_535, name: "hüb")
        #expect(welcome.version == Handshake.version)
        #expect(try Welcome(body: welcome.encoded(), format: .standard) == welcome)
    }

    @Test("the reserved byte and unknown flags of a later version do not disturb")
    func later() throws {
        var body = Welcome(hub: 9, heartbeatMilliseconds: 1, maxFrame: 2, name: "hub").encoded()
        body.setInteger(UInt8(0xAA), at: 1)
        body.setInteger(UInt16(0x8001), at: 2)
        let welcome = try Welcome(body: body, format: .standard)
        #expect(welcome.hub == 9)
        #expect(welcome.flags == 0x8001)
        #expect(welcome.name == "hub")
    }

    @Test("a name over 255 bytes is cut between characters")
    func name() throws {
        let welcome = Welcome(hub: 9, heartbeatMilliseconds: 1, maxFrame: 2, name: String(repeating: "€", count: 100))
        #expect(try Welcome(body: welcome.encoded(), format: .standard).name == String(repeating: "€", count: 85))
    }
}
