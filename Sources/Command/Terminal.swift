import NIOCore

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Standard error, for lines that are not results.
enum Terminal {
    /// Whether a person is likely to watch standard error.
    static var isWatched: Bool { isatty(STDERR_FILENO) == 1 }

    /// Writes one line to standard error.
    static func tell(_ line: String) { put(Array((line + "\n").utf8), to: STDERR_FILENO) }

    /// Writes to standard output at once.
    static func show(_ bytes: ByteBuffer) { put(Array(bytes.readableBytesView), to: STDOUT_FILENO) }

    /// Of the terminal on standard output; 100 by 40 when there is none.
    static var size: (columns: Int, rows: Int) {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return (100, 40) }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    private static func put(_ all: [UInt8], to file: Int32) {
        var bytes = all[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
            // Nobody to tell: there is nothing better to do than to go on.
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }
}
