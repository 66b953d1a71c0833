#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What code does that knows nothing of suspension.
enum Blocking {
    static func sleep(milliseconds: Int) { usleep(UInt32(milliseconds) * 1_000) }
}
