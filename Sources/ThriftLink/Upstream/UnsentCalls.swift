import Links
import NIOCore
import Wire

/// The calls of which no byte had left when their link died: they may go another way (rules S2, S3).
struct UnsentCalls {
    /// Where they begin in the stream of the link.
    let start: Int
    private let bytes: ByteBuffer
    private let form: ThriftForm
    private let limit: Int

    init(_ remains: Remains, form: ThriftForm, limit: Int) {
        start = remains.heldOffset
        self.form = form
        self.limit = limit
        var bytes = remains.held.first ?? ByteBuffer()
        for block in remains.held.dropFirst() { bytes.writeImmutableBuffer(block) }
        self.bytes = bytes
    }

    /// Lends the parts of the call that begins at that offset of the stream; nil when no whole call stands there.
    func withParts<T>(at offset: Int, _ body: (CallParts) -> T) -> T? {
        guard offset >= start, offset - start < bytes.readableBytes else { return nil }
        return bytes.withUnsafeReadableBytes { all in
            let rest = UnsafeRawBufferPointer(rebasing: all[(offset - start)...])
            var reader = ThriftReader(form: form, limit: .max)
            guard case .message(let head) = reader.next(rest) else { return nil }
            return body(CallParts(head, rest, body: UnsafeRawBufferPointer(rebasing: rest[head.body])))
        }
    }
}
