import Foundation
import Testing
import Wire

extension SystemTests {
    /// TLS on both sides of the proxy, and who may connect.
    @Suite struct ProxyTLSTests {
        @Test("A route dials its servers with TLS; a certificate that does not do is not used, and calls are answered noPeer")
        func upstream() throws {
            let files = try Certificates()
            defer { files.remove() }
            try files.make("good", common: "localhost", alternatives: "DNS:thrift.example")
            let script = SwitchyardProcess.packageFile("Tests/SystemTests/Support/tls_thrift_server.py")
            let server = try ChildProcess("python3", [script, files.certificate("good"), files.key("good")])
            defer { server.end() }
            let address = try server.outputLine("listening on ")
            func route(_ tls: String) -> String {
                "{ name: main, methods: [\"*\"], to: [\"\(address)\"], pools: 1, connections: 2, inFlight: 10, tls: { \(tls) } }"
            }
            let proxy = try ProxyProcess(routes: [route("ca: \(files.authority), name: thrift.example")])
            defer { proxy.end() }
            let client = try proxy.client()
            for size in [1, 1000, 300_000] {
                let body = [11, 0, 1] + (0..<4).map { UInt8(truncatingIfNeeded: size >> (24 - 8 * $0)) } + Array(repeating: 7, count: size) + [0]
                try client.send(.call, "rpc", Int32(size), body)
                let answer = try client.message()
                #expect(answer.sequence == Int32(size))
                #expect(answer.body == body)
            }
            let careful = try ProxyProcess(routes: [route("ca: \(files.authority)")])
            defer { careful.end() }
            let refused = try careful.client()
            try refused.send(1)
            #expect(try refused.message().code == "noPeer")
            try eventually("the log says why") { careful.child.errors.contains { $0.contains("its certificate is made out to another name") } }
        }

        @Test("`deny` closes whoever it names, without a word, and counts")
        func denied() throws {
            let upstream = EchoingUpstream(try Listener())
            defer { upstream.stop() }
            try withProxy(to: [upstream.listener], proxy: ["deny: [127.0.0.0/8]"]) { proxy in
                let client = try proxy.client()
                #expect(try client.next() == nil)
                try proxy.eventuallyMetric("connections_refused_total", ["why": "address"]) { $0 == 1 }
            }
        }
    }
}
