import Foundation
import Synchronization

/// A port of this process that can be up (listening) or down (refusing), and stays its own in between.
final class Listener: Sendable {
    let port: UInt16
    private let descriptor: Mutex<Int32>
    private let receiveBuffer: Int32?

    /// - Parameter receiveBuffer: of the connections that will be accepted.
    init(up: Bool = true, receiveBuffer: Int32? = nil) throws {
        self.receiveBuffer = receiveBuffer
        let bound = try Listener.bound(port: 0, receiveBuffer: receiveBuffer)
        port = Socket.port(of: bound)
        descriptor = Mutex(bound)
        if up { self.up() }
    }

    deinit { descriptor.withLock { _ = close($0) } }

    func up(backlog: Int32 = 1024) { _ = descriptor.withLock { listen($0, backlog) } }

    /// The next of the ports below those that the system gives out by itself: nobody who asks for any port, or dials, gets it meanwhile.
    private static let quietPorts = Mutex(UInt16(20_000 + getpid() % 8_000))

    /// A port for a process that is to listen there later, and again after its end.
    static func quietPort() throws -> UInt16 {
        try obtain("find a free port") {
            let port = quietPorts.withLock { next in
                next = next < 32_000 ? next + 1 : 20_000
                return next
            }
            guard let bound = try? bound(port: port, receiveBuffer: nil) else { return nil }
            close(bound)
            return port
        }
    }

    /// Refuses from now on; connections that were accepted stay.
    func down() throws {
        try descriptor.withLock { descriptor in
            close(descriptor)
            descriptor = -1
            descriptor = try obtain("bind port \(port) again") { try? Listener.bound(port: port, receiveBuffer: receiveBuffer) }
        }
    }

    /// The next connection, or nil when none is there in that time.
    func accept(within limit: Duration) -> Socket? {
        let current = descriptor.withLock { $0 }
        var entry = pollfd(fd: current, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, milliseconds(until: .now + limit)) > 0, entry.revents & Int16(POLLIN) != 0 else {
            if entry.revents != 0 { usleep(1000) }
            return nil
        }
        let accepted = descriptor.withLock { listening in
            Inheritance.lock.withLock { _ in
                let accepted = Foundation.accept(listening, nil, nil)
                if accepted >= 0 { _ = fcntl(accepted, F_SETFD, FD_CLOEXEC) }
                return accepted
            }
        }
        return accepted < 0 ? nil : Socket(descriptor: accepted)
    }

    private static func bound(port: UInt16, receiveBuffer: Int32?) throws -> Int32 {
        let descriptor = try Socket.make()
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        if var size = receiveBuffer { setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size)) }
        do {
            try Socket.call("bind port \(port)", descriptor, address: "127.0.0.1", port: port, bind)
        } catch {
            close(descriptor)
            throw error
        }
        return descriptor
    }
}
