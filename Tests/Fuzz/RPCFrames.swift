import NIOCore
import Wire

/// Streams of RPC frames; the first byte says how large a frame may be.
@Sendable
func fuzzRPCFrames(_ input: UnsafeRawBufferPointer) {
    guard let first = input.first else { return }
    let bytes = UnsafeRawBufferPointer(rebasing: input.dropFirst())
    let maxFrame = RPCHeader.size + Int(first) * 8
    readFrames(bytes, maxFrame)
    let whole = cutIntoFrames(bytes, [bytes.count], maxFrame)
    let pieces = cutIntoFrames(bytes, Array(stride(from: Int(first) % 7, to: bytes.count, by: 1 + Int(first) % 97)) + [bytes.count], maxFrame)
    demand(whole == pieces, "a stream is cut alike however it comes")
}

/// As programs and tests read frames.
private func readFrames(_ bytes: UnsafeRawBufferPointer, _ maxFrame: Int) {
    var buffer = ByteBuffer(bytes: bytes)
    var taken = 0
    while let frame = try? RPCFrame(from: &buffer, maxFrame: maxFrame) {
        demand(frame.header.length == RPCHeader.size + frame.payload.readableBytes, "a frame has its header's length")
        var again = ByteBuffer()
        frame.write(to: &again)
        demand(again.readableBytesView.elementsEqual(bytes[taken..<(taken + frame.header.length)]), "a frame is written as it was read")
        taken += frame.header.length
        roundTrip(frame.payload)
    }
}

/// What can be read of a payload is the same after it has been written and read again.
private func roundTrip(_ payload: ByteBuffer) {
    if let request = try? ProtoRequest(payload: payload) {
        var bytes = ByteBuffer()
        request.writePayload(to: &bytes)
        demand(bytes == payload, "a request is written as it was read")
    }
    if let reply = try? ProtoReply(payload: payload) {
        var bytes = ByteBuffer()
        reply.writePayload(to: &bytes)
        demand(bytes == payload, "a reply is written as it was read")
    }
}

/// As links read frames, at the ends of reads that are given.
private func cutIntoFrames(_ bytes: UnsafeRawBufferPointer, _ ends: [Int], _ maxFrame: Int) -> [RPCHeader] {
    var framing = RPCFraming(maxFrame: maxFrame)
    var headers: [RPCHeader] = []
    var offset = 0
    for end in ends {
        reading: while offset < end {
            switch framing.step(UnsafeRawBufferPointer(rebasing: bytes[offset..<end])) {
            case .frame(let header):
                demand((RPCHeader.size...(end - offset)).contains(header.length), "a frame within its bytes")
                headers.append(header)
                offset += header.length
            case .tooLarge(let header): headers.append(header)
            case .discard(let count):
                demand((1...(end - offset)).contains(count), "what is read away is there")
                offset += count
            case .incomplete(let needed):
                demand(needed > 0, "more is needed")
                break reading
            case .malformed: return headers
            }
        }
    }
    return headers
}
