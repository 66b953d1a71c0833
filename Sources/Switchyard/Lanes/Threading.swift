#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A lock on which threads can also wait for something to happen. One queue of waiters; whoever is woken looks again.
///
/// `@unchecked Sendable`: the system's mutex and condition are what guards.
final class ThreadGate: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func lock() { pthread_mutex_lock(mutex) }
    func unlock() { pthread_mutex_unlock(mutex) }
    /// Gives the lock up until someone signals, and takes it again. May return early.
    func wait() { pthread_cond_wait(condition, mutex) }
    /// Wakes one waiter.
    func signal() { pthread_cond_signal(condition) }
    /// Wakes every waiter.
    func broadcast() { pthread_cond_broadcast(condition) }
}

/// Threads that end by themselves: nobody waits for one, because a handler that never returns would be waited for.
enum DetachedThread {
    private final class Start {
        let body: () -> Void
        init(_ body: @escaping () -> Void) { self.body = body }
    }

    /// Runs `body` on a thread of its own; false when the system has none left.
    static func run(_ body: @escaping @Sendable () -> Void) -> Bool {
        let start = Unmanaged.passRetained(Start(body))
        #if canImport(Darwin)
            var thread: pthread_t?
            let result = pthread_create(
                &thread, nil,
                { start in
                    Unmanaged<Start>.fromOpaque(start).takeRetainedValue().body()
                    return nil
                }, start.toOpaque())
            if let thread { pthread_detach(thread) }
        #else
            var thread = pthread_t()
            let result = pthread_create(
                &thread, nil,
                { start in
                    // Guard: `start` is what was passed below, never null.
                    Unmanaged<Start>.fromOpaque(start!).takeRetainedValue().body()
                    return nil
                }, start.toOpaque())
            if result == 0 { pthread_detach(thread) }
        #endif
        if result != 0 { start.release() }
        return result == 0
    }
}

/// Whether a thread waits for something, as others may ask.
///
/// Linux says so in `/proc/thread-self/stat`, which the thread itself has to open. Where that is not, nobody knows.
final class ThreadState: Sendable {
    private let file: CInt

    /// The state of the thread that calls.
    init() { file = open("/proc/thread-self/stat", O_RDONLY | O_CLOEXEC) }

    deinit { if file >= 0 { close(file) } }

    /// It runs, or would run if a processor were free. False when it waits for anything else, and when nobody knows.
    var isRunnable: Bool {
        guard file >= 0 else { return false }
        // `id (name) state`: a name has at most 15 bytes, and the state is one letter.
        return withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { bytes in
            let count = pread(file, bytes.baseAddress, bytes.count, 0)
            guard count > 0, let end = bytes.prefix(count).lastIndex(of: UInt8(ascii: ")")), end + 2 < count else { return false }
            return bytes[end + 2] == UInt8(ascii: "R")
        }
    }
}

/// One reference for each thread.
struct ThreadSlot<Value: AnyObject>: Sendable {
    private let key: pthread_key_t

    init() {
        var key = pthread_key_t()
        pthread_key_create(&key, nil)
        self.key = key
    }

    /// What this thread has put here; whoever puts it keeps it alive for as long as it stands here.
    var value: Unmanaged<Value>? {
        get { pthread_getspecific(key).map { Unmanaged.fromOpaque($0) } }
        nonmutating set { pthread_setspecific(key, newValue.map { UnsafeRawPointer($0.toOpaque()) }) }
    }
}
