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
    static func tell(_ line: String) {
        var bytes = Array((line + "\n").utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
            // Nobody to tell: there is nothing better to do than to go on.
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }
}
