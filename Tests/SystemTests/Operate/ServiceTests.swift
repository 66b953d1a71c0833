import Foundation
import Testing
import Wire

extension SystemTests {
    /// The process as a service manager sees it.
    @Suite struct ServiceTests {
        /// A manager's end of `NOTIFY_SOCKET`.
        private final class Manager {
            let path = FileManager.default.temporaryDirectory.appendingPathComponent("notify-\(UInt32.random(in: 0 ... .max))").path
            private let descriptor: Int32
            private(set) var words: [String] = []

            init() throws {
                descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
                var address = sockaddr_un()
                address.sun_family = sa_family_t(AF_UNIX)
                let bytes = Array(path.utf8)
                guard descriptor >= 0, bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { throw Unmet("a socket at \(path)") }
                withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
                let bound = withUnsafePointer(to: &address) {
                    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
                }
                guard bound == 0 else { throw Unmet("bind \(path): \(String(cString: strerror(errno)))") }
            }

            deinit {
                close(descriptor)
                unlink(path)
            }

            /// Takes what was said, until a datagram begins with that word.
            func hear(_ word: String) throws {
                try eventually("\(word) from the process; it said \(words)") {
                    var buffer = [UInt8](repeating: 0, count: 1024)
                    let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
                    guard count > 0 else { return false }
                    words.append(String(decoding: buffer[..<count], as: UTF8.self))
                    return words.last?.hasPrefix(word) ?? false
                }
            }
        }

        @Test("The service manager hears when the process serves, reads its configuration again, and leaves")
        func notices() throws {
            let manager = try Manager()
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream), environment: ["NOTIFY_SOCKET": manager.path]) { gateway in
                try manager.hear("READY=1")
                #expect(manager.words.count == 1, "nothing before it serves: \(manager.words)")
                gateway.signal(SIGHUP)
                try manager.hear("RELOADING=1\nMONOTONIC_USEC=")
                try manager.hear("READY=1")
                gateway.signal(SIGTERM)
                try manager.hear("STOPPING=1")
                #expect(try gateway.exitCode() == 0)
            }
        }

        @Test("A service manager that is not there is no harm")
        func absent() throws {
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream), environment: ["NOTIFY_SOCKET": "/no/such/socket"]) { gateway in
                let client = try gateway.client()
                #expect(try client.exchange(Packet(100, "served")).text == "served")
            }
        }
    }
}
