/// Finds the messages in the bytes of one connection: recognises its form, and tells each message's head once all of it is there.
///
/// Pure. The bytes given always begin at the message that is not finished yet; an unframed one is walked on from where the last look
/// ended, so that no byte is looked at twice. Nothing is allocated for a length that is only claimed (rule S15).
package struct ThriftReader: ~Copyable {
    /// What stands at the front of the bytes.
    package enum Found {
        /// A whole message, of ``ThriftHead/count`` bytes.
        case message(ThriftHead)
        /// The message is not complete; it has at least `needed` bytes.
        case incomplete(needed: Int)
        /// A whole THeader frame that is answered with an exception.
        case refused(ThriftRefusal)
        /// The connection cannot go on.
        case malformed(WireError)
    }

    /// The longest frame, in bytes behind its length; unframed, the longest message.
    package let limit: Int
    /// What the connection speaks; nil until its first bytes have told.
    package private(set) var form: ThriftForm?
    private var walker = ThriftWalker()
    /// The head of the unframed message that is being walked.
    private var unfinished: ThriftHead?

    /// - Parameter form: what the other side speaks when that is known; nil to recognise it.
    package init(form: ThriftForm? = nil, limit: Int) {
        self.form = form
        self.limit = limit
    }

    /// Looks at what has come of the message at the front of `bytes`.
    package mutating func next(_ bytes: UnsafeRawBufferPointer) -> Found {
        guard let form else { return recognise(bytes) }
        switch form.transport {
        case .framed: return ThriftReader.framed(bytes, form: form, limit: limit)
        case .header: return ThriftReader.header(bytes, limit: limit)
        case .unframed: return unframed(bytes, form: form)
        }
    }

    private mutating func recognise(_ bytes: UnsafeRawBufferPointer) -> Found {
        switch ThriftRecognition.of(bytes, limit: limit) {
        case .undecided: return .incomplete(needed: bytes.count + 1)
        case .unknown(let what): return .malformed(WireError(.protocol, what))
        case .form(let found):
            form = found
            return next(bytes)
        }
    }

    // MARK: - Frames

    private static func framed(_ bytes: UnsafeRawBufferPointer, form: ThriftForm, limit: Int) -> Found {
        guard bytes.count >= 4 else { return .incomplete(needed: 4) }
        let length = Int(Int32(bitPattern: bytes.word(at: 0)))
        guard length > 0, length <= limit else { return .malformed(.badFrame(length, limit: limit)) }
        let count = 4 + length
        guard bytes.count >= count else { return .incomplete(needed: count) }
        let frame = UnsafeRawBufferPointer(rebasing: bytes[..<count])
        switch ThriftEnvelopeParse.of(frame, from: 4, end: count, encoding: form.protocol.encoding) {
        case .envelope(let `protocol`, let type, let sequence, let name, let end):
            let found = ThriftForm(.framed, `protocol`)
            return .message(ThriftHead(form: found, type: type, sequence: sequence, name: name, body: end..<count))
        case .incomplete: return .malformed(.badEnvelope("the frame ends within its head"))
        case .malformed(let error): return .malformed(error)
        }
    }

    private static func header(_ bytes: UnsafeRawBufferPointer, limit: Int) -> Found {
        guard bytes.count >= 4 else { return .incomplete(needed: 4) }
        let length = Int(Int32(bitPattern: bytes.word(at: 0)))
        guard length > 0, length <= limit else { return .malformed(.badFrame(length, limit: limit)) }
        let count = 4 + length
        guard bytes.count >= count else { return .incomplete(needed: count) }
        let whole = UnsafeRawBufferPointer(rebasing: bytes[..<count])
        let frame: ThriftHeaderFrame
        switch ThriftHeaderFrame.parse(whole) {
        case .frame(let parsed): frame = parsed
        case .refused(let refusal): return .refused(refusal)
        case .malformed(let error): return .malformed(error)
        }
        switch ThriftEnvelopeParse.of(whole, from: frame.payload, end: count, encoding: frame.encoding) {
        case .envelope(let `protocol`, let type, let sequence, let name, let end):
            let form = ThriftForm(.header, `protocol`)
            return .message(
                ThriftHead(form: form, type: type, sequence: sequence, name: name, body: end..<count, info: frame.info))
        case .incomplete: return .malformed(.badEnvelope("the frame ends within its head"))
        case .malformed(let error): return .malformed(error)
        }
    }

    // MARK: - Unframed

    private mutating func unframed(_ bytes: UnsafeRawBufferPointer, form: ThriftForm) -> Found {
        if unfinished == nil {
            switch ThriftEnvelopeParse.of(bytes, from: 0, end: limit, encoding: form.protocol.encoding) {
            case .envelope(let `protocol`, let type, let sequence, let name, let end):
                let found = ThriftForm(.unframed, `protocol`)
                unfinished = ThriftHead(form: found, type: type, sequence: sequence, name: name, body: end..<end)
                walker.start(at: end, encoding: form.protocol.encoding)
            case .incomplete(let needed): return .incomplete(needed: needed)
            case .malformed(let error): return .malformed(error)
            }
        }
        switch walker.advance(bytes, limit: limit) {
        case .end(let end):
            guard var head = unfinished.take() else { return .incomplete(needed: bytes.count + 1) }
            head.body = head.body.lowerBound..<end
            return .message(head)
        case .incomplete(let needed): return .incomplete(needed: needed)
        case .malformed(let error): return .malformed(error)
        }
    }
}

extension WireError {
    static func badFrame(_ length: Int, limit: Int) -> WireError {
        length > limit
            ? WireError(.tooLarge, "a Thrift frame of \(length) bytes; maxFrame is \(limit)")
            : WireError(.protocol, "a Thrift frame of \(length) bytes")
    }
}
