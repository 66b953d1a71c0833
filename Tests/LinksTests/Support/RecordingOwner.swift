import Links
import NIOCore

/// An owner that cuts frames (four bytes of length, itself included, then content) and writes down everything that it is told.
final class RecordingOwner: LinkOwner {
    private(set) var opened = 0
    private(set) var frames: [[UInt8]] = []
    private(set) var drained = 0
    private(set) var fired = 0
    private(set) var inputEnds = 0
    private(set) var ends: [LinkEnd] = []
    var onFrame: (Link) -> Void = { _ in }
    var onDrained: (Link) -> Void = { _ in }

    static let headerSize = 4

    /// The bytes of a frame with that content.
    static func frame(_ content: [UInt8]) -> [UInt8] {
        let size = UInt32(headerSize + content.count)
        return [UInt8(size >> 24), UInt8(size >> 16 & 255), UInt8(size >> 8 & 255), UInt8(size & 255)] + content
    }

    func linkOpened(_ link: Link) { opened += 1 }

    func link(_ link: Link, received bytes: UnsafeRawBufferPointer) -> Consumed {
        var offset = 0
        while bytes.count - offset >= RecordingOwner.headerSize {
            let size = Int(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
            guard size <= bytes.count - offset else { return Consumed(bytes: offset, needed: size) }
            frames.append(Array(bytes[(offset + RecordingOwner.headerSize)..<(offset + size)]))
            offset += size
            onFrame(link)
            guard link.isOpen, !link.isPaused else { break }
        }
        return Consumed(bytes: offset, needed: RecordingOwner.headerSize)
    }

    func linkDrained(_ link: Link) {
        drained += 1
        onDrained(link)
    }

    func linkInputEnded(_ link: Link) { inputEnds += 1 }

    func link(_ link: Link, closed end: LinkEnd) { ends.append(end) }

    func timerFired(_ timer: LoopTimer) { fired += 1 }
}
