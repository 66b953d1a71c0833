import NIOCore
import Wire

/// One link, as other threads know it: where to leave what is for it.
package final class LinkHandle: Sendable {
    let desk: LaneDesk
    /// The desk's: the way there, through the desk, would count a reference for each reply.
    private let box: ReturnBox
    /// The link's number in its desk's table; never used again.
    let number: UInt64
    /// The peer's address, for people.
    let address: String

    init(desk: LaneDesk, number: UInt64, address: String) {
        self.desk = desk
        box = desk.box
        self.number = number
        self.address = address
    }

    // MARK: - From a lane's thread

    /// A handler has returned, and answers nothing.
    func finish(_ header: PacketHeader) { box.put(Return(target: number, finishes: header.length, count: 0)) { _ in } }

    /// A handler has returned: its reply goes back with the identity of the packet that it answers.
    @inline(__always)
    func finish(_ header: PacketHeader, _ reply: PacketHeader, _ body: ByteBuffer) {
        var answer = reply
        guard answer.address(as: header, bodyCount: body.readableBytes) else { return failed(header, answer) }
        put(answer, body, finishes: header.length)
    }

    /// A handler returned what cannot be sent.
    @inline(never)
    private func failed(_ header: PacketHeader, _ answer: PacketHeader) {
        fail(header, ByteBuffer(), BadReply(type: answer.type, bytes: answer.length))
    }

    /// A handler threw: its sender hears the code's name, the log hears the rest.
    func fail(_ header: PacketHeader, _ body: ByteBuffer, _ error: any Error) {
        if let refusal = error as? PacketRefusal { return refuse(refusal.code, header, body, reason: refusal.reason) }
        desk.lanes.handlerFailed(header, error)
        refuse(.internal, header, body)
    }

    /// The packet is answered UNDELIVERED.
    func refuse(_ code: Code, _ header: PacketHeader, _ body: ByteBuffer, reason: String? = nil) {
        body.withUnsafeReadableBytes { bytes in
            let frame = UndeliveredFrame(code: code.rawValue, lost: header, body: bytes, reason: reason ?? code.name)
            let entry = Return(target: number, finishes: header.length, count: frame.header.length)
            box.put(entry) { frame.store(to: $0, format: desk.inMemory) }
        }
    }

    // MARK: - From any thread

    /// Leaves a packet for the link. On the link's own loop it is taken at once, so that what an inline handler says keeps its order.
    func push(_ packet: Packet) {
        if desk.loop.eventLoop.inEventLoop {
            desk.acceptHere(packet, for: number)
        } else {
            put(packet.header, packet.body, finishes: 0)
        }
    }

    @inline(__always)
    private func put(_ header: PacketHeader, _ body: ByteBuffer, finishes: Int) {
        body.withUnsafeReadableBytes { body in
            box.put(Return(target: number, finishes: finishes, count: header.length)) { bytes in
                header.store(to: bytes, format: desk.inMemory)
                if let start = body.baseAddress { (bytes + PacketHeader.size).copyMemory(from: start, byteCount: body.count) }
            }
        }
    }
}

/// A handler returned something that is no application packet, or does not fit one.
struct BadReply: Error, CustomStringConvertible {
    let type: UInt16
    let bytes: Int
    var description: String {
        "its reply of type \(type) with \(bytes) bytes cannot be sent: types are 0 to 65279, packets at most \(WireFormat.standard.maxPacket) bytes"
    }
}

extension PacketHeader {
    /// Gives an answer the address of the packet that it answers, its identity unless the answer names another (a login does), and its
    /// real length; false when it cannot be sent.
    @inline(__always)
    mutating func address(as request: PacketHeader, bodyCount: Int) -> Bool {
        if user == 0 {
            user = request.user
            token = request.token
        }
        es = request.es
        session = request.session
        length = PacketHeader.size + bodyCount
        return !isControl && bodyCount <= PacketHeader.maxBody
    }
}

extension Packet {
    /// Writes the packet; the caller has made sure of `header.length` writable bytes.
    func store(to bytes: UnsafeMutableRawPointer, format: WireFormat = .standard) {
        header.store(to: bytes, format: format)
        body.withUnsafeReadableBytes { body in
            if let start = body.baseAddress { (bytes + PacketHeader.size).copyMemory(from: start, byteCount: body.count) }
        }
    }
}
