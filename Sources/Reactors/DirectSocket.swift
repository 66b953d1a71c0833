package import NIOCore

/// A channel whose socket can be read and written without its pipeline. Used on its event loop.
package protocol DirectSocket: Channel {
    /// The socket, for writing what it takes at once, while nothing waits in the channel; -1 once it is closed.
    var descriptor: CInt { get }

    /// From here on what is read goes to `reader` and not through the pipeline, in which it stands as a handler and hears the end.
    func takeOver(by reader: any SocketReader)

    /// Whether what comes is read.
    func setReading(_ value: Bool)
}

/// Reads a socket without a pipeline. Called on the socket's event loop.
@usableFromInline
package protocol SocketReader: AnyObject {
    /// What one read gave; it is gone when the call returns.
    func socket(received bytes: UnsafeRawBufferPointer)

    /// The peer has shut its direction, on a channel that allows that; on others it closes, as the pipeline hears.
    func socketInputEnded()
}
