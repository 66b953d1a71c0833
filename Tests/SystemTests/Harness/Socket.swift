import Foundation
import Synchronization

/// A stream socket on loopback; every wait ends. The descriptor lives as long as the object, so no thread meets a reused number.
final class Socket: Sendable {
    /// What one read came to.
    enum Reading: Equatable {
        case bytes([UInt8])
        /// The peer closed in order.
        case end
        /// The peer cut the connection.
        case reset
        /// Nothing came in time.
        case silence
    }

    let descriptor: Int32

    /// Takes over a connected descriptor.
    init(descriptor: Int32) {
        self.descriptor = descriptor
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        setOption(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    }

    /// Connects to `127.0.0.1:port`.
    /// - Parameters:
    ///   - receiveBuffer: bytes that the kernel may hold unread; small ones make a slow reader soon.
    ///   - source: the local address, when the test needs several.
    convenience init(port: UInt16, receiveBuffer: Int32? = nil, source: String? = nil, within limit: Duration = .seconds(5)) throws {
        self.init(descriptor: try Socket.make())
        if let receiveBuffer { setOption(SOL_SOCKET, SO_RCVBUF, receiveBuffer) }
        if let source { try Socket.call("bind \(source)", descriptor, address: source, port: 0, bind) }
        do {
            try Socket.call("connect to port \(port)", descriptor, address: "127.0.0.1", port: port, connect)
        } catch  where errno == EINPROGRESS {
            guard wait(POLLOUT, until: .now + limit) else { throw Unmet("connect to port \(port) hangs") }
            let fault = option(SOL_SOCKET, SO_ERROR)
            guard fault == 0 else { throw Unmet("connect to port \(port): \(String(cString: strerror(fault)))") }
        }
    }

    deinit { close(descriptor) }

    /// Reads what is there, or waits for it.
    func read(within limit: Duration) -> Reading {
        let end = ContinuousClock.now + limit
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = recv(descriptor, &chunk, chunk.count, 0)
            if count > 0 { return .bytes(Array(chunk[..<count])) }
            if count == 0 { return .end }
            guard errno == EAGAIN || errno == EINTR else { return .reset }
            guard wait(POLLIN, until: end) else { return .silence }
        }
    }

    /// Writes what the kernel takes now; nil when the connection is gone.
    func writeSome(_ bytes: ArraySlice<UInt8>) -> Int? {
        let count = bytes.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        if count >= 0 { return count }
        return errno == EAGAIN || errno == EINTR ? 0 : nil
    }

    /// Writes everything or throws.
    func write(_ bytes: [UInt8], within limit: Duration = .seconds(10)) throws {
        let end = ContinuousClock.now + limit
        var rest = bytes[...]
        while !rest.isEmpty {
            guard let count = writeSome(rest) else { throw Unmet("write: \(String(cString: strerror(errno)))") }
            rest = rest.dropFirst(count)
            if count == 0, !wait(POLLOUT, until: end) { throw Unmet("write: the peer did not read for \(limit)") }
        }
    }

    /// Says that nothing more will come from this side.
    func halfClose() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Ends both directions in order.
    func end() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// Cuts the connection with a reset, as a process does that dies with unread input.
    func cut() {
        var nowhere = sockaddr()
        nowhere.sa_family = sa_family_t(AF_UNSPEC)
        _ = connect(descriptor, &nowhere, socklen_t(MemoryLayout<sockaddr>.size))
    }

    func setOption(_ level: Int32, _ name: Int32, _ value: Int32) {
        var value = value
        setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    private func option(_ level: Int32, _ name: Int32) -> Int32 {
        var value: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, level, name, &value, &size)
        return value
    }

    /// Waits for an event; false when the time is over.
    private func wait(_ events: Int32, until end: ContinuousClock.Instant) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        return poll(&entry, 1, milliseconds(until: end)) != 0
    }
}

extension Socket {
    /// A new descriptor that no child process inherits.
    static func make() throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard descriptor >= 0 else { throw Unmet("socket: \(String(cString: strerror(errno)))") }
        return descriptor
    }

    /// Calls `bind` or `connect` with an IPv4 address.
    static func call(
        _ what: String, _ descriptor: Int32, address: String, port: UInt16,
        _ function: (Int32, UnsafePointer<sockaddr>?, socklen_t) -> Int32
    ) throws {
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = port.bigEndian
        inet_pton(AF_INET, address, &name.sin_addr)
        let result = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { function(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        guard result == 0 else {
            let fault = errno
            defer { errno = fault }
            throw Unmet("\(what): \(String(cString: strerror(fault)))")
        }
    }

    /// The port that the kernel gave a bound descriptor.
    static func port(of descriptor: Int32) -> UInt16 {
        var name = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
        }
        return UInt16(bigEndian: name.sin_port)
    }
}

/// Keeps descriptors that are not yet marked from being inherited: a child would hold a test's connections open.
enum Inheritance {
    static let lock = Mutex(())
}
