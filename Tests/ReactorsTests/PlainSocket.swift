import Glibc
import NIOCore
import Testing

@testable import Reactors

/// A socket without any event loop, as the other end of what is tested. It does not block; waits are bounded.
struct PlainSocket: Sendable {
    let descriptor: CInt

    struct Failed: Error { var number: CInt }

    /// Connected, or about to be.
    static func connect(to address: SocketAddress) throws -> PlainSocket {
        let socket = PlainSocket(descriptor: try address.makeSocket())
        let result = address.withSockAddr { Glibc.connect(socket.descriptor, $0, socklen_t($1)) }
        guard result == 0 || errno == EINPROGRESS else {
            defer { socket.close() }
            throw Failed(number: errno)
        }
        return socket
    }

    static func listen(on address: SocketAddress = try! SocketAddress(ipAddress: "127.0.0.1", port: 0), backlog: CInt = 16) throws -> PlainSocket {
        let socket = PlainSocket(descriptor: try address.makeSocket())
        guard address.withSockAddr({ Glibc.bind(socket.descriptor, $0, socklen_t($1)) }) == 0, Glibc.listen(socket.descriptor, backlog) == 0 else {
            defer { socket.close() }
            throw Failed(number: errno)
        }
        return socket
    }

    var address: SocketAddress? { SocketAddress { getsockname(descriptor, $0, $1) } }

    func accept() async throws -> PlainSocket {
        var accepted: CInt = -1
        try await until("a connection to accept") {
            accepted = Glibc.accept(descriptor, nil, nil)
            return accepted >= 0
        }
        _ = fcntl(accepted, F_SETFL, O_NONBLOCK)
        return PlainSocket(descriptor: accepted)
    }

    /// Whether it stands, `nil` as long as that is open.
    var isConnected: Bool? {
        var state = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard poll(&state, 1, 0) > 0 else { return nil }
        return state.revents & Int16(POLLERR | POLLHUP) == 0
    }

    func write(_ bytes: [UInt8]) async throws {
        var rest = bytes[...]
        try await until("room for \(bytes.count) bytes") {
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
                if count >= 0 { rest = rest.dropFirst(count) } else if errno == EAGAIN { return false } else { throw Failed(number: errno) }
            }
            return true
        }
    }

    /// What one read gives: `nil` when there is nothing, empty at the end.
    private func readSome() throws -> [UInt8]? {
        var failure: CInt = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: 64 << 10) { buffer, count in
            let result = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if result < 0 { failure = errno }
            count = max(0, result)
        }
        if failure == EAGAIN { return nil }
        if failure != 0 { throw Failed(number: failure) }
        return bytes
    }

    /// Everything up to `count` bytes, or to the end.
    func read(_ count: Int = .max) async throws -> [UInt8] {
        var all: [UInt8] = []
        try await until("\(count) bytes") {
            while all.count < count, let bytes = try readSome() {
                if bytes.isEmpty { return true }
                all += bytes
            }
            return all.count >= count
        }
        return all
    }

    func shutOutput() { shutdown(descriptor, CInt(SHUT_WR)) }
    func close() { Glibc.close(descriptor) }

    /// Ends with RST.
    func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
        close()
    }
}

/// Bytes that show when one is missing or out of place.
func pattern(_ count: Int, from start: Int = 0) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    while bytes.count < count {
        let place = (start + bytes.count) % period.count
        bytes += period[place..<min(period.count, place + count - bytes.count)]
    }
    return bytes
}

private let period = (0..<65_536).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
