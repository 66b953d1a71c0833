package import Links
import NIOCore
import Sessions
import Telemetry
package import Wire

/// One client of a ``ThriftDoor``: finds its calls, hands each to the handler, and gives the answers in the client's own form and order
/// (rules S15, S23, S24, S25).
///
/// Lives on one event loop, like its link.
package final class ThriftConnection: LinkOwner {
    private let door: ThriftDoorLoop
    package let link: Link
    @exclusivity(unchecked) private var reader: ThriftReader
    @exclusivity(unchecked) private var calls = OpenCalls()
    @exclusivity(unchecked) private var names = MethodNames()
    /// Oneway calls that a handler works on.
    @exclusivity(unchecked) private var oneways = 0
    /// Bytes of calls that a handler keeps.
    @exclusivity(unchecked) private var handled = 0
    /// It is not read: too many calls are open, or too many bytes are held for it (rule S24).
    @exclusivity(unchecked) private var isHeld = false
    /// It will be read again at the end of this turn.
    private var isResuming = false
    /// The code that it ends with when nothing is open any more.
    private var ending: Code?
    private var isAdmitted = false
    /// Where the door's list has it.
    var position = -1
    /// Answers go out in the order of their calls.
    private let isOrdered: Bool
    /// For its handler: a number that tells it from every other connection of this door's loop, ever.
    package let number: UInt64

    init(door: ThriftDoorLoop, number: UInt64) {
        self.door = door
        self.number = number
        isOrdered = door.settings.ordered
        reader = ThriftReader(limit: door.settings.maxFrame)
        link = Link(loop: door.loop)
        link.serve(self)
        link.staysHalfOpen = true
    }

    /// Where the client is, for logs.
    package var remote: String { link.remote }
    /// What the client spoke first; nil before that.
    package var form: ThriftForm? { reader.form }
    package var isOpen: Bool { link.isOpen }
    /// Calls that have no answer.
    package var openCalls: Int { calls.open }
    /// What the process holds for it, in both directions.
    var heldBytes: Int { calls.heldBytes + handled + link.queued + link.keptInput }

    // MARK: - Coming

    package func linkOpened(_ link: Link) {
        door.opened(self)
        guard door.admission.admit(link.remoteHost) else { return refuse("limits", "over limits.connections or limits.perAddress") }
        isAdmitted = true
        guard !door.memory.isExceeded else { return refuse("memory", "over memory: \(door.memory.limit) bytes are held") }
        if door.isLeaving { link.close(.draining) }
    }

    package func description(of link: Link) -> LinkDescription { LinkDescription(side: door.side, framing: .thrift) }
    package var codeOfSilentEnd: Code { .cancelled }

    private func refuse(_ kind: String, _ why: String) {
        door.log.event(kind, "refused \(link.remote): \(why)")
        depart()
        link.close(.rateLimited)
    }

    private func depart() {
        guard isAdmitted else { return }
        isAdmitted = false
        door.admission.release(link.remoteHost)
    }

    // MARK: - Calls

    package func link(_ link: Link, received bytes: UnsafeRawBufferPointer) -> Consumed {
        guard ending == nil else { return Consumed(bytes: bytes.count, needed: 1) }
        var offset = 0
        while offset < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
            switch reader.next(rest) {
            case .message(let head):
                offset += head.count
                take(head, UnsafeRawBufferPointer(rebasing: rest[..<head.count]))
            case .refused(let refusal):
                offset += refusal.count
                refuse(refusal)
            case .incomplete(let needed):
                return Consumed(bytes: offset, needed: needed)
            case .malformed(let error):
                breakOff(error)
                return Consumed(bytes: bytes.count, needed: 1)
            }
            guard link.isOpen, ending == nil else { return Consumed(bytes: bytes.count, needed: 1) }
            if isFull {
                hold()
                break
            }
        }
        return Consumed(bytes: offset, needed: 1)
    }

    private func take(_ head: ThriftHead, _ bytes: UnsafeRawBufferPointer) {
        door.counters.bytesIn += bytes.count
        switch head.type {
        case .oneway:
            door.handler.call(ThriftCall(head, bytes, ticket: 0, link: link), from: self)
        case .call:
            let name = names.use(answerName(UnsafeRawBufferPointer(rebasing: bytes[head.name])))
            let ticket = calls.begin(OpenCalls.Call(form: head.form, sequence: head.sequence, name: name))
            door.handler.call(ThriftCall(head, bytes, ticket: ticket, link: link), from: self)
        case .reply, .exception:
            breakOff(WireError(.protocol, "a client that sends an answer"))
        }
    }

    /// The name that answers carry. Who multiplexes hears the method alone, as Apache's processors do: its generated clients compare it.
    private func answerName(_ name: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        guard let colon = name.firstIndex(of: UInt8(ascii: ":")) else { return name }
        return UnsafeRawBufferPointer(rebasing: name[(colon + 1)...])
    }

    /// A THeader that cannot be served is answered in its turn, without a name, and the connection stays.
    private func refuse(_ refusal: ThriftRefusal) {
        door.counters.bytesIn += refusal.count
        let name = names.use(UnsafeRawBufferPointer(start: nil, count: 0))
        let ticket = calls.begin(OpenCalls.Call(form: ThriftForm(.header, .binary), sequence: refusal.sequence, name: name))
        answer(ticket, ThriftException(refusal.kind, refusal.message))
    }

    /// Nothing behind these bytes can be understood. What came before them is still answered.
    package func breakOff(_ error: WireError) {
        door.log.event("bad input", "closing \(link.remote): \(error.description)")
        end(error.code)
    }

    // MARK: - Not being read

    private var isFull: Bool { hasAllCalls || waitingBytes > door.settings.limits.maxPending }
    private var hasAllCalls: Bool { calls.count + oneways >= door.settings.pipelining }
    private var waitingBytes: Int { calls.heldBytes + handled + link.queued }

    /// A handler keeps `bytes` of a call until ``handlerEnded(_:isOneway:)``. They count like answers that wait, and a oneway call among
    /// those that are open, so that a client cannot send more than is worked off.
    package func handlerBegan(_ bytes: Int, isOneway: Bool) {
        handled += bytes
        door.heldCalls += bytes
        if isOneway { oneways += 1 }
    }

    package func handlerEnded(_ bytes: Int, isOneway: Bool) {
        handled -= bytes
        door.heldCalls -= bytes
        if isOneway { oneways -= 1 }
        if isHeld { resumeIfRoom() }
    }

    private func hold() {
        guard !isHeld else { return }
        isHeld = true
        link.resumeMark = door.settings.limits.maxPending / 2
        link.pauseReading()
        // The socket may take what is queued at once.
        resumeIfRoom()
    }

    /// Reading goes on at the end of the turn, so that no call comes in while an answer goes out.
    private func resumeIfRoom() {
        guard isHeld, !isResuming, !hasAllCalls, waitingBytes <= door.settings.limits.maxPending / 2 else { return }
        isResuming = true
        door.resumeAtTurnEnd(self)
    }

    func resume() {
        isResuming = false
        guard isHeld, link.isOpen else { return }
        isHeld = false
        link.resumeMark = nil
        link.resumeReading()
        if link.isInputEnded { linkInputEnded(link) }
    }

    package func linkDrained(_ link: Link) { resumeIfRoom() }

    // MARK: - Answers

    /// Gives the answer to a call: now, or when those before it have theirs. Returns false when the body is not what it claims to be and
    /// cannot be converted; the client has got an exception then.
    @discardableResult
    package func answer(_ ticket: UInt64, _ answer: ThriftAnswer) -> Bool {
        guard link.isOpen, let call = calls.call(ticket) else { return true }
        guard call.form.protocol.encoding != answer.encoding else {
            write(ticket, call, answer)
            return true
        }
        var converted = ByteBuffer()
        converted.reserveCapacity(answer.body.count)
        do {
            try ThriftConverter.convert(
                answer.body, body: 0..<answer.body.count, from: answer.encoding, to: call.form.protocol.encoding, into: &converted)
        } catch {
            self.answer(ticket, ThriftException(.protocol, "the answer is malformed: \(error.description)"))
            return false
        }
        converted.withUnsafeReadableBytes {
            write(ticket, call, ThriftAnswer(answer.type, encoding: call.form.protocol.encoding, body: $0, info: answer.info))
        }
        return true
    }

    /// Answers with an exception of our own.
    package func answer(_ ticket: UInt64, _ exception: ThriftException) {
        answerBody(ticket, .exception) { ThriftBody.write(exception, encoding: $0, to: &$1) }
    }

    package func answer(_ ticket: UInt64, _ reply: ProtoReply) {
        answerBody(ticket, .reply) { ThriftBody.write(reply, encoding: $0, to: &$1) }
    }

    private func answerBody(_ ticket: UInt64, _ type: ThriftMessageType, _ fill: (ThriftEncoding, inout ByteBuffer) -> Void) {
        guard link.isOpen, let call = calls.call(ticket) else { return }
        let encoding = call.form.protocol.encoding
        var body = door.scratch
        door.scratch = ByteBuffer()
        body.clear()
        fill(encoding, &body)
        guard body.readableBytes <= BlockPool.largest else {
            return body.withUnsafeReadableBytes { write(ticket, call, ThriftAnswer(type, encoding: encoding, body: $0, shared: body)) }
        }
        body.withUnsafeReadableBytes { write(ticket, call, ThriftAnswer(type, encoding: encoding, body: $0)) }
        door.scratch = body
    }

    private func write(_ ticket: UInt64, _ call: OpenCalls.Call, _ answer: ThriftAnswer) {
        let isInOrder = !isOrdered || calls.isNext(ticket)
        let heldBefore = calls.heldBytes
        defer { door.heldAnswers += calls.heldBytes - heldBefore }
        let envelope = ThriftEnvelope(
            form: call.form, type: answer.type, sequence: call.sequence, name: names.bytes(call.name), info: answer.info)
        door.counters.bytesOut += envelope.count + answer.body.count
        guard isInOrder else { return calls.hold(ticket, held(envelope, answer)) }
        link.append(envelope, body: answer.body, shared: answer.shared)
        names.release(call.name)
        calls.end(ticket)
        while let next = calls.takeNext() {
            for part in next.answer { link.append(part) }
            names.release(next.name)
        }
        answered()
    }

    private func held(_ envelope: ThriftEnvelope, _ answer: ThriftAnswer) -> [ByteBuffer] {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(envelope.count + (answer.shared == nil ? answer.body.count : 0))
        buffer.write(envelope, bodyCount: answer.body.count)
        if let shared = answer.shared { return [buffer, shared] }
        buffer.writeBytes(answer.body)
        return [buffer]
    }

    private func answered() {
        if calls.count == 0, let code = ending ?? (door.isLeaving ? .draining : nil) { return link.close(code) }
        if isHeld { resumeIfRoom() }
    }

    // MARK: - Going

    /// The client has said its last word and still hears answers.
    package func linkInputEnded(_ link: Link) {
        // What it sent before that and was not read yet is still to come.
        guard !isHeld else { return }
        end(.cancelled)
    }

    /// Closes when every call is answered; nothing more is read as a call.
    private func end(_ code: Code) {
        if ending == nil { ending = code }
        if calls.count == 0 { link.close(code) }
    }

    /// The door closes: an idle connection may stay for another call until ``leaveIfIdle()``.
    func leaveIfIdle() {
        if calls.count == 0, link.keptInput == 0 { link.close(.draining) }
    }

    func abandon(_ code: Code) { link.abandon(code) }

    package func timerFired(_: LoopTimer) {}

    package func link(_ link: Link, closed end: LinkEnd) {
        depart()
        door.heldAnswers -= calls.heldBytes
        calls = OpenCalls()
        door.closed(self, end.code ?? .cancelled)
    }
}
