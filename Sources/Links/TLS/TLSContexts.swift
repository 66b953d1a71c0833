import Logging
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What new connections are set up with. Files that have changed are taken over without anyone's doing, within ``interval``: whoever needs a
/// context then lets a thread look at them. A file that cannot be used is named in the log, and what was there before serves on.
final class TLSContexts: Sendable {
    private struct State {
        var context: NIOSSLContext
        var stamps: [Stamp?]
        var lookedAt: NIODeadline
        var isLooking = false
    }

    /// How old what is known about the files may be.
    static let interval = TimeAmount.seconds(1)

    private let files: any TLSFiles
    private let logger: Logger?
    private let state: Mutex<State>

    init(_ files: any TLSFiles, logger: Logger?) throws(TLSFileError) {
        self.files = files
        self.logger = logger
        // Before they are read: a change meanwhile is seen at the next look.
        let stamps = files.paths.map(Stamp.init)
        state = Mutex(State(context: try files.makeContext(), stamps: stamps, lookedAt: .now()))
    }

    /// The context for a connection that begins now.
    func current(on eventLoop: any EventLoop) -> EventLoopFuture<NIOSSLContext> {
        let now = NIODeadline.now()
        let (context, isOld) = state.withLock { state in
            let isOld = !state.isLooking && now - state.lookedAt >= TLSContexts.interval
            if isOld { state.isLooking = true }
            return (state.context, isOld)
        }
        guard isOld else { return eventLoop.makeSucceededFuture(context) }
        return NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) { self.look() }
    }

    /// The next connection looks at the files, however lately that was done.
    func expire() { state.withLock { $0.lookedAt = .now() - TLSContexts.interval } }

    private func look() -> NIOSSLContext {
        let stamps = files.paths.map(Stamp.init)
        let known = state.withLock { $0.stamps }
        var fresh: NIOSSLContext?
        if stamps != known {
            do throws(TLSFileError) {
                fresh = try files.makeContext()
                logger?.info("tls: took over changed files: \(files.paths.joined(separator: ", "))")
            } catch {
                logger?.error("changed TLS files are not taken over: \(error); what was there before serves on")
            }
        }
        return state.withLock { state in
            if let fresh { state.context = fresh }
            state.stamps = stamps
            state.lookedAt = .now()
            state.isLooking = false
            return state.context
        }
    }
}

/// What changes when a file does.
private struct Stamp: Equatable {
    private let device: UInt64
    private let inode: UInt64
    private let size: Int64
    private let seconds: Int
    private let nanoseconds: Int

    /// nil for a file that is not there.
    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        device = UInt64(truncatingIfNeeded: status.st_dev)
        inode = UInt64(truncatingIfNeeded: status.st_ino)
        size = Int64(status.st_size)
        #if os(Linux)
            (seconds, nanoseconds) = (status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
        #else
            (seconds, nanoseconds) = (status.st_mtimespec.tv_sec, status.st_mtimespec.tv_nsec)
        #endif
    }
}
