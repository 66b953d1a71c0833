package import Links
package import NIOCore
package import Wire

/// A call as it is to go to an upstream: its parts, seen where they lie. Valid while the bytes are.
package struct CallParts {
    package var isOneway: Bool
    package var name: UnsafeRawBufferPointer
    /// A THeader's info headers.
    package var info: UnsafeRawBufferPointer
    /// In the upstream's encoding.
    package var body: UnsafeRawBufferPointer
    /// The body once more where it can be shared instead of copied.
    package var shared: ByteBuffer?

    /// A call of our own making.
    package init(name: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer) {
        isOneway = false
        self.name = name
        info = UnsafeRawBufferPointer(start: nil, count: 0)
        self.body = body
    }

    package init(_ head: ThriftHead, _ bytes: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer, shared: ByteBuffer? = nil) {
        isOneway = head.type == .oneway
        name = UnsafeRawBufferPointer(rebasing: bytes[head.name])
        info = UnsafeRawBufferPointer(rebasing: bytes[head.info])
        self.body = body
        self.shared = shared
    }
}

/// A call that we keep: until a connection takes it, or to repeat it.
package struct HeldCall {
    package let isOneway: Bool
    private var buffer: ByteBuffer
    private let nameCount: Int
    private let infoCount: Int

    /// Copies the parts into a block of `pool`, which gets it back by ``release(to:)``.
    package init(_ parts: CallParts, pool: inout BlockPool) {
        isOneway = parts.isOneway
        nameCount = parts.name.count
        infoCount = parts.info.count
        let count = nameCount + infoCount + parts.body.count
        buffer = pool.take(BlockPool.sizeClass(for: count))
        buffer.writeBytes(parts.name)
        buffer.writeBytes(parts.info)
        buffer.writeBytes(parts.body)
    }

    package var count: Int { buffer.readableBytes }

    /// Lends the parts.
    package func withParts<T>(_ body: (CallParts) -> T) -> T {
        buffer.withUnsafeReadableBytes { bytes in
            let nameEnd = nameCount
            let infoEnd = nameEnd + infoCount
            var parts = CallParts(
                ThriftHead(
                    form: ThriftForm(.framed, .binary), type: isOneway ? .oneway : .call, sequence: 0, name: 0..<nameEnd,
                    body: infoEnd..<bytes.count, info: nameEnd..<infoEnd),
                bytes, body: UnsafeRawBufferPointer(rebasing: bytes[infoEnd...]))
            parts.isOneway = isOneway
            return body(parts)
        }
    }

    /// It is not needed any more.
    package consuming func release(to pool: inout BlockPool) { pool.give(buffer) }
}
