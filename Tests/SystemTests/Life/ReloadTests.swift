import Foundation
import Testing
import Wire

extension SystemTests {
    /// SIGHUP (rule S26).
    @Suite struct ReloadTests {
        @Test("S26: an unchanged file is reloaded, and live clients are untouched")
        func unchanged() throws {
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream)) { gateway in
                let client = try gateway.clients(1)[0]
                gateway.signal(SIGHUP)
                try gateway.logLine("configuration reloaded")
                #expect(try client.exchange(Packet(100, "untouched")).text == "untouched")
                #expect(upstream.connections.count == 1)
            }
        }

        @Test("S26: a broken file changes nothing, and one log line says what `check` would print")
        func broken() throws {
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            let configuration = Configuration(to: upstream)
            try withGateway(configuration) { gateway in
                let client = try gateway.clients(1)[0]
                try gateway.file.write(configuration.yaml + "  rotes: []\n")
                let line = configuration.yaml.split(separator: "\n").count + 1
                gateway.signal(SIGHUP)
                try gateway.logLine("\(gateway.file.path):\(line):3:")
                #expect(try client.exchange(Packet(100, "untouched")).text == "untouched")
                #expect(gateway.child.errors.count { $0.contains(gateway.file.path) } == 1)
                #expect(!gateway.child.errors.contains { $0.contains("configuration reloaded") })
                #expect(upstream.connections.count == 1)
                try gateway.file.write(configuration.yaml)
                gateway.signal(SIGHUP)
                try gateway.logLine("configuration reloaded")
            }
        }
    }
}
