import Foundation
import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Tells the service manager how far the process is (systemd with `Type=notify`); does nothing where there is none.
///
/// Each word is one datagram to the socket that `NOTIFY_SOCKET` names; a manager that does not listen is no harm.
struct ServiceNotice: Sendable {
    private let socketPath: String?

    init(environment: [String: String] = ProcessInfo.processInfo.environment) { socketPath = environment["NOTIFY_SOCKET"] }

    /// It serves; also said when a reload has ended.
    func ready() { send("READY=1\nSTATUS=serving") }
    /// It reads its configuration again.
    func reloading() { send("RELOADING=1\nMONOTONIC_USEC=\(NIODeadline.now().uptimeNanoseconds / 1000)\nSTATUS=reading the configuration") }
    /// It leaves.
    func stopping() { send("STOPPING=1\nSTATUS=draining") }

    private func send(_ words: String) {
        guard let socketPath, var address = ServiceNotice.address(of: socketPath) else { return }
        #if canImport(Glibc)
            let kind = Int32(SOCK_DGRAM.rawValue)
        #else
            let kind = SOCK_DGRAM
        #endif
        let descriptor = socket(AF_UNIX, kind, 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + socketPath.utf8.count)
        let bytes = Array(words.utf8)
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = sendto(descriptor, bytes, bytes.count, 0, $0, length) }
        }
    }

    /// A path, or a name without a file, whose `@` stands for a zero byte; nil for one that is too long.
    private static func address(of path: String) -> sockaddr_un? {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(path.utf8)
        if bytes.first == UInt8(ascii: "@") { bytes[0] = 0 }
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return address
    }
}
