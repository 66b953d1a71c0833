package import Links
package import NIOCore
package import Wire

extension Link {
    /// Queues a message: its head, then the body copied from where it lies, or shared where it may be.
    package func append(_ envelope: ThriftEnvelope, body: UnsafeRawBufferPointer, shared: ByteBuffer? = nil) {
        let count = envelope.count
        if let shared {
            append(count) { envelope.store(to: $0, bodyCount: shared.readableBytes) }
            append(sharing: shared)
            return
        }
        append(count + body.count) { target in
            envelope.store(to: target, bodyCount: body.count)
            if let base = body.baseAddress { (target + count).copyMemory(from: base, byteCount: body.count) }
        }
    }
}
