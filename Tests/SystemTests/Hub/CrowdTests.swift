import Foundation
import Testing
import Wire

extension SystemTests {
    /// Very many registrations at once (protocol section 4).
    @Suite struct CrowdTests {
        /// Descriptors that this process may open.
        private static func raiseLimit() -> Int {
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            limit.rlim_cur = limit.rlim_max
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            return Int(clamping: limit.rlim_cur)
        }

        @Test("A storm of 10,000 HELLOs costs at most one routing table in 10 ms, and packets keep flowing")
        func storm() throws {
            let count = min(10_000, CrowdTests.raiseLimit() - 1000)
            let hub = try HubProcess(hub: ["limits: { connections: 20000 }"], top: ["loops: 2", "drainTimeout: 1s"])
            defer { hub.end() }
            let service = try hub.service(1, 100...199)
            let echo = InBackground {
                while let packet = try service.next(within: .seconds(60)) {
                    if packet.control == nil { try service.send(packet) }
                }
            }
            let edge = try hub.edge(1)
            let builds = try hub.metrics()["table_builds_total", ["role": "hub"]]

            let start = ContinuousClock.now
            let parts = (0..<8).map { part in
                InBackground {
                    let crowd = try stride(from: part, to: count, by: 8).map { index in
                        let link = try hub.link(.service)
                        // Ten services each serve the same ranges.
                        let first = UInt32(200 + index / 10 * 8 % 7800)
                        let claims = (0..<8).map { Claim(first + $0 * 8000, first + $0 * 8000 + 7) }
                        try link.send(Packet(Hello(role: .service, cluster: 1, node: UInt64(1000 + index), claims: claims, name: "crowd \(index)")))
                        return link
                    }
                    for link in crowd { _ = try link.receive(within: .seconds(60)).read(Welcome.self) }
                    return crowd
                }
            }
            var exchanged = 0
            while !parts.allSatisfy(\.isDone) {
                let packet = Packet(100, "\(exchanged)", es: 1, session: 1)
                try edge.send(packet)
                #expect(try edge.word().text == "\(exchanged)")
                exchanged += 1
            }
            let crowd = try parts.map { try $0.value() }
            let took = ContinuousClock.now - start
            try hub.eventuallyMetric("registrations", ["role": "hub"]) { $0 == Double(count + 2) }
            let built = try hub.metrics()["table_builds_total", ["role": "hub"]] - builds
            print("\(count) HELLOs in \(took): \(Int(built)) tables, \(exchanged) packets answered one after the other meanwhile")
            #expect(built <= (ContinuousClock.now - start) / .milliseconds(10) + 1)
            #expect(exchanged > 0)
            withExtendedLifetime(crowd) { hub.end() }
            _ = try? echo.value()
        }
    }
}
