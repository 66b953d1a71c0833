import Dispatch
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The process's standard error. A reader that has gone, a full disk or a stalled pipe costs log lines and nothing else: an event loop never
/// waits for it, and no write error ends the process.
public enum StandardError {
    private static let queue = DispatchQueue(label: "switchyard.stderr")
    private static let waiting = Atomic<Int>(0)
    private static let dropped = Atomic<Int>(0)
    /// Lines that may wait to be written; more are dropped, and their number is told.
    private static let limit = 4096

    /// Writes a line soon, its line break included; from any thread, without waiting.
    @Sendable
    public static func log(_ line: String) {
        guard waiting.wrappingAdd(1, ordering: .relaxed).newValue <= limit else {
            waiting.wrappingSubtract(1, ordering: .relaxed)
            dropped.wrappingAdd(1, ordering: .relaxed)
            return
        }
        queue.async {
            put(line)
            waiting.wrappingSubtract(1, ordering: .relaxed)
            let lost = dropped.exchange(0, ordering: .relaxed)
            if lost > 0 { put("(\(lost) log lines were dropped: standard error was not read)\n") }
        }
    }

    /// Writes a line behind what waits, and returns when it is written, or after a second.
    public static func write(_ line: String) {
        let done = DispatchSemaphore(value: 0)
        queue.async {
            put(line)
            done.signal()
        }
        _ = done.wait(timeout: .now() + 1)
    }

    /// Returns when what waits is written, or after a second.
    public static func drain() { write("") }

    private static func put(_ line: String) {
        var bytes = Array(line.utf8)[...]
        while !bytes.isEmpty {
            #if canImport(Glibc)
                let count = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
            #elseif canImport(Musl)
                let count = bytes.withUnsafeBytes { Musl.write(STDERR_FILENO, $0.baseAddress, $0.count) }
            #else
                let count = bytes.withUnsafeBytes { Darwin.write(STDERR_FILENO, $0.baseAddress, $0.count) }
            #endif
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }
}
