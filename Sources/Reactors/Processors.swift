import NIOCore

#if os(Linux)
    import CEpoll
#endif

/// The processors that this process may use.
package enum Processors {
    /// How many: as its cgroup says, and those that it was started on (`taskset`) if they are fewer. More threads would only wait for each other,
    /// and for locks that a thread holds which waits. At least 1.
    package static let count: Int = {
        let allowed = max(System.coreCount, 1)
        #if os(Linux)
            let affinity = Int(switchyard_affinity())
            if affinity > 0 { return min(allowed, affinity) }
        #endif
        return allowed
    }()
}
