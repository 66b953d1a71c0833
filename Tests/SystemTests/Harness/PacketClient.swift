import Foundation
import Synchronization
import Testing
import Wire

/// A client of the gateway, with blocking calls that all end.
final class PacketClient: Sendable {
    let socket: Socket
    let format: WireFormat
    private let inbound: Mutex<PacketReader>

    init(port: UInt16, format: WireFormat = .standard, receiveBuffer: Int32? = nil, source: String? = nil) throws {
        socket = try Socket(port: port, receiveBuffer: receiveBuffer, source: source)
        self.format = format
        inbound = Mutex(PacketReader(format: format))
    }

    func send(_ packets: Packet...) throws { try send(packets) }

    func send(_ packets: [Packet], within limit: Duration = .seconds(10)) throws {
        try socket.write(packets.flatMap { $0.encoded(format) }, within: limit)
    }

    /// The next packet; nil when the gateway closed first.
    func next(within limit: Duration = .seconds(10)) throws -> Packet? {
        let end = ContinuousClock.now + limit
        while true {
            if let packet = try inbound.withLock({ try $0.next() }) { return packet }
            switch socket.read(within: end - ContinuousClock.now) {
            case .bytes(let bytes): inbound.withLock { $0.append(bytes) }
            case .end, .reset: return nil
            case .silence: throw Unmet("no packet from the gateway within \(limit)")
            }
        }
    }

    func receive(within limit: Duration = .seconds(10)) throws -> Packet {
        guard let packet = try next(within: limit) else { throw Unmet("the gateway closed where a packet was expected") }
        return packet
    }

    func receive(_ count: Int, within limit: Duration = .seconds(10)) throws -> [Packet] {
        try (0..<count).map { _ in try receive(within: limit) }
    }

    /// Sends a packet and gives what comes back.
    func exchange(_ packet: Packet, within limit: Duration = .seconds(10)) throws -> Packet {
        try send(packet)
        return try receive(within: limit)
    }

    /// Everything up to the gateway's close.
    func remaining(within limit: Duration = .seconds(10)) throws -> [Packet] {
        var packets: [Packet] = []
        while let packet = try next(within: limit) { packets.append(packet) }
        return packets
    }

    func leave() { socket.end() }
}

/// What clients expect of the gateway.
extension PacketClient {
    /// The next packet is UNDELIVERED with that code.
    @discardableResult
    func expectUndelivered(
        _ code: Code, of type: UInt16? = nil, within limit: Duration = .seconds(10), sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Undelivered {
        let notice = try receive(within: limit).read(Undelivered.self, format: format)
        #expect(Code.name(of: notice.code) == code.name, sourceLocation: sourceLocation)
        if let type { #expect(notice.lost.type == type, sourceLocation: sourceLocation) }
        return notice
    }

    /// The gateway says REJECT with that code, nothing after it, and closes.
    @discardableResult
    func expectReject(
        _ code: Code, within limit: Duration = .seconds(10), sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Reject {
        let notice = try receive(within: limit).read(Reject.self)
        #expect(Code.name(of: notice.code) == code.name, sourceLocation: sourceLocation)
        try expectClose(within: limit, sourceLocation: sourceLocation)
        return notice
    }

    /// The gateway closes without another byte.
    func expectClose(within limit: Duration = .seconds(10), sourceLocation: SourceLocation = #_sourceLocation) throws {
        let packet = try next(within: limit)
        #expect(packet == nil, "expected the close, got \(packet?.summary ?? "")", sourceLocation: sourceLocation)
        #expect(inbound.withLock { $0.leftover } == 0, "half a packet before the close", sourceLocation: sourceLocation)
    }

    /// Nothing is on its way to this client: the answer to a PING is the next packet. Answers that the gateway gives itself come before it.
    func expectNothing(sourceLocation: SourceLocation = #_sourceLocation) throws {
        let mark = Array("barrier".utf8)
        let packet = try exchange(Packet(.ping, bytes: mark))
        #expect(packet.control == .pong && packet.bytes == mark, "expected nothing, got \(packet.summary)", sourceLocation: sourceLocation)
    }
}
