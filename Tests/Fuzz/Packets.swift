import NIOCore
import Wire

private let formats = WireFormat.ByteOrder.allCases.flatMap { order in
    WireFormat.Length.allCases.map { WireFormat(byteOrder: order, length: $0) }
}

/// Streams of packets, in each setting of `wire`: the first byte chooses.
@Sendable
func fuzzPackets(_ input: UnsafeRawBufferPointer) {
    guard let first = input.first else { return }
    let format = formats[Int(first) % formats.count]
    let bytes = UnsafeRawBufferPointer(rebasing: input.dropFirst())
    var buffer = ByteBuffer(bytes: bytes)
    var taken = 0
    while true {
        let before = buffer.readableBytes
        guard let packet = try? Packet(from: &buffer, format: format) else { break }
        demand(packet.header.length == PacketHeader.size + packet.body.readableBytes, "a packet has its header's length")
        demand(before - buffer.readableBytes == packet.header.length, "a packet takes its length off the buffer")
        var again = ByteBuffer()
        packet.write(to: &again, format: format)
        demand(again.readableBytesView.elementsEqual(bytes[taken..<(taken + packet.header.length)]), "a packet is written as it was read")
        taken += packet.header.length
    }
    demand(buffer.readableBytes == bytes.count - taken, "what is no packet stays in the buffer")
}

/// A control packet's body, of the kind that the first byte chooses, in the format of the second.
@Sendable
func fuzzControlBodies(_ input: UnsafeRawBufferPointer) {
    guard input.count >= 2 else { return }
    let format = formats[Int(input[1]) % formats.count]
    let body = ByteBuffer(bytes: input.dropFirst(2))
    switch input[0] % 8 {
    case 0: roundTrip(Undelivered.self, body, format)
    case 1: roundTrip(Multicast.self, body, format)
    case 2: roundTrip(Reject.self, body, format)
    case 3: roundTrip(Drain.self, body, format)
    case 4: roundTrip(SessionClosed.self, body, format)
    case 5: roundTrip(Kick.self, body, format)
    case 6: roundTrip(Peers.self, body, format)
    default: roundTrip(Welcome.self, body, format)
    }
}

/// HELLO, as a hub reads it before it knows who speaks.
@Sendable
func fuzzHandshakes(_ input: UnsafeRawBufferPointer) {
    let body = ByteBuffer(bytes: input)
    roundTrip(Hello.self, body, .standard)
    if let hello = try? Hello(body: body, format: .standard) {
        demand(body.readableBytes <= Handshake.maxHello && hello.claims.count <= Handshake.maxClaims, "a HELLO within its limits")
    }
    roundTrip(Welcome.self, body, .standard)
    roundTrip(Peers.self, body, .standard)
}

/// What can be read is the same after it has been written and read again.
private func roundTrip<Body: ControlBody>(_ kind: Body.Type, _ body: ByteBuffer, _ format: WireFormat) {
    guard let read = try? kind.init(body: body, format: format) else { return }
    var bytes = ByteBuffer()
    read.write(to: &bytes, format: format)
    guard let again = try? kind.init(body: bytes, format: format) else { fatalError("\(kind) cannot be read again") }
    var bytesAgain = ByteBuffer()
    again.write(to: &bytesAgain, format: format)
    demand(bytes == bytesAgain, "\(kind) is written alike twice")
}
