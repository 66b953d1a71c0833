public import NIOCore

/// The hub's answer to an accepted HELLO (protocol section 4).
///
/// | size  | field            |
/// |-------|------------------|
/// | 1     | version u8       |
/// | 1     | reserved u8      |
/// | 2     | flags u16        |
/// | 8     | hub id u64       |
/// | 4     | `heartbeat_ms`   |
/// | 4     | `max_frame` u32  |
/// | 1 + k | name             |
public struct Welcome: ControlBody {
    public static let controlType = ControlType.welcome
    /// The version of the handshake: 1.
    public var version: UInt8
    /// None is known yet.
    public var flags: UInt16
    /// The hub's id, which tells it from other hubs.
    public var hub: UInt64
    /// After how much silence, in milliseconds, either side asks with PING.
    public var heartbeatMilliseconds: UInt32
    /// The largest frame that the hub takes, in bytes.
    public var maxFrame: UInt32
    /// What the hub is called: at most 255 bytes.
    public var name: String

    /// A WELCOME of version 1.
    public init(hub: UInt64, heartbeatMilliseconds: UInt32, maxFrame: UInt32, name: String) {
        version = Handshake.version
        flags = 0
        self.hub = hub
        self.heartbeatMilliseconds = heartbeatMilliseconds
        self.maxFrame = maxFrame
        self.name = name
    }

    public init(body: ByteBuffer, format: WireFormat) throws(WireError) {
        var body = body
        version = try body.take("WELCOME version")
        let _: UInt8 = try body.take("WELCOME")
        flags = try body.take("WELCOME flags")
        hub = try body.take("WELCOME hub id")
        heartbeatMilliseconds = try body.take("WELCOME heartbeat")
        maxFrame = try body.take("WELCOME max frame")
        let count: UInt8 = try body.take("WELCOME name length")
        name = try body.takeText(Int(count), "WELCOME name")
    }

    public func write(to buffer: inout ByteBuffer, format: WireFormat) {
        buffer.writeMultipleIntegers(version, UInt8(0), flags, hub, heartbeatMilliseconds, maxFrame)
        buffer.writeShortText(name)
    }
}
