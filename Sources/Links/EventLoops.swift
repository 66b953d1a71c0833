public import NIOCore
import NIOPosix
import Reactors

/// The threads on which sockets are served. They are NIO event loops for futures, timers and this library's servers and clients; NIO's own bootstraps,
/// and what stands on them, take only NIO's own (`MultiThreadedEventLoopGroup`), which serve here as well.
public enum EventLoops {
    /// Those that a program shares where it asks for none of its own: one for each processor up to 64, never shut down.
    public static let shared: any EventLoopGroup = {
        #if os(Linux)
            if let group = ReactorGroup.shared { return group }
        #endif
        return MultiThreadedEventLoopGroup.singleton
    }()

    /// Starts threads of their own, for whoever shuts them down again (`shutdownGracefully`).
    ///
    /// A group of NIO's own serves wherever these do; on Linux a packet costs less on these.
    /// - Parameter threads: 1 to 64.
    public static func start(threads: Int) -> any EventLoopGroup {
        #if os(Linux)
            if let group = try? ReactorGroup(threads: threads) { return group }
        #endif
        return MultiThreadedEventLoopGroup(numberOfThreads: threads)
    }
}
