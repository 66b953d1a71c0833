package import NIOCore

/// What is written in front of a body: the head of a call that goes on, or of an answer that goes back, in any form.
///
/// A relay writes a new one before the same body bytes; they are passed on untouched while both sides' encodings are equal.
package struct ThriftEnvelope {
    package var form: ThriftForm
    package var type: ThriftMessageType
    package var sequence: Int32
    /// The method's name. Valid as long as the bytes that it points into are.
    package var name: UnsafeRawBufferPointer
    /// A THeader's info headers, as they stood in another one; ignored by the other transports.
    package var info: UnsafeRawBufferPointer

    @inlinable
    package init(
        form: ThriftForm, type: ThriftMessageType, sequence: Int32, name: UnsafeRawBufferPointer,
        info: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
    ) {
        self.form = form
        self.type = type
        self.sequence = sequence
        self.name = name
        self.info = info
    }

    /// Bytes in front of the body.
    package var count: Int {
        switch form.transport {
        case .framed: 4 + messageHead
        case .unframed: messageHead
        case .header: ThriftHeaderFrame.prefix + headerWords << 2 + messageHead
        }
    }

    private var messageHead: Int {
        switch form.protocol {
        case .binary: 12 + name.count
        case .binaryOld: 9 + name.count
        case .compact: 2 + Varint.size(UInt64(UInt32(bitPattern: sequence))) + Varint.size(UInt64(name.count)) + name.count
        }
    }

    /// Protocol and number of transforms take one byte each.
    private var headerWords: Int { (2 + info.count + 3) >> 2 }

    /// Writes ``count`` bytes, of which the caller has made sure.
    /// - Parameter bodyCount: bytes that follow them.
    package func store(to target: UnsafeMutableRawPointer, bodyCount: Int) {
        switch form.transport {
        case .framed:
            target.store(word: UInt32(truncatingIfNeeded: messageHead + bodyCount))
            storeHead(to: target + 4)
        case .unframed:
            storeHead(to: target)
        case .header:
            let words = headerWords
            target.store(word: UInt32(truncatingIfNeeded: count - 4 + bodyCount))
            (target + 4).store(word: UInt32(ThriftHeaderFrame.magic) << 16)
            (target + 8).store(word: UInt32(bitPattern: sequence))
            // Zeros up to the last word are the padding.
            (target + 12).initializeMemory(as: UInt8.self, repeating: 0, count: 2 + words << 2)
            (target + 12).storeBytes(of: UInt16(truncatingIfNeeded: words).bigEndian, as: UInt16.self)
            (target + 14).storeBytes(of: form.protocol == .compact ? 2 : 0, as: UInt8.self)
            copy(info, to: target + 16)
            storeHead(to: target + ThriftHeaderFrame.prefix + words << 2)
        }
    }

    private func storeHead(to target: UnsafeMutableRawPointer) {
        switch form.protocol {
        case .binary:
            target.store(word: 0x8001_0000 | UInt32(type.rawValue))
            (target + 4).store(word: UInt32(truncatingIfNeeded: name.count))
            copy(name, to: target + 8)
            (target + 8 + name.count).store(word: UInt32(bitPattern: sequence))
        case .binaryOld:
            target.store(word: UInt32(truncatingIfNeeded: name.count))
            copy(name, to: target + 4)
            (target + 4 + name.count).storeBytes(of: type.rawValue, as: UInt8.self)
            (target + 5 + name.count).store(word: UInt32(bitPattern: sequence))
        case .compact:
            target.storeBytes(of: 0x82, as: UInt8.self)
            target.storeBytes(of: type.rawValue << 5 | 1, toByteOffset: 1, as: UInt8.self)
            var next = target + 2
            next += Varint.store(UInt64(UInt32(bitPattern: sequence)), to: next)
            next += Varint.store(UInt64(name.count), to: next)
            copy(name, to: next)
        }
    }

    private func copy(_ bytes: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer) {
        if let base = bytes.baseAddress { target.copyMemory(from: base, byteCount: bytes.count) }
    }
}

extension ByteBuffer {
    /// Appends a head for a body of `bodyCount` bytes, which the caller writes behind it.
    package mutating func write(_ envelope: ThriftEnvelope, bodyCount: Int) {
        let count = envelope.count
        writeWithUnsafeMutableBytes(minimumWritableBytes: count) { bytes in
            // Guard: at least `count` bytes, never 0, are writable, so a base address exists.
            envelope.store(to: bytes.baseAddress!, bodyCount: bodyCount)
            return count
        }
    }
}

extension UnsafeMutableRawPointer {
    @inline(__always)
    func store(word: UInt32) { storeBytes(of: word.bigEndian, as: UInt32.self) }
}
