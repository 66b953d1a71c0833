import Foundation
import Testing
import Wire

extension SystemTests {
    /// Clients that send what they should not, and how the proxy leaves (rules S15, S25).
    @Suite struct ProxyInputTests {
        @Test("S15: bad input closes its own connection, and nothing else notices")
        func badInput() throws {
            let upstream = EchoingUpstream(try Listener())
            defer { upstream.stop() }
            try withProxy(to: [upstream.listener], "connections: 4") { proxy in
                let bystander = try proxy.client()
                let inputs: [(String, [UInt8])] = [
                    ("HTTP", Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8)), ("TLS", [0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3]),
                    ("a negative length", [0xFF, 0xFF, 0xFF, 0xF0, 0x80, 1]), ("2 GiB", [0x7F, 0xFF, 0xFF, 0xFF, 0x80, 1, 0, 1]),
                    ("over maxFrame", [0x00, 0xFF, 0xFF, 0xFF, 0x80, 1, 0, 1]),
                    ("a negative name", [0, 0, 0, 16, 0x80, 1, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF] + Array(repeating: 0, count: 8)),
                    ("an unknown version", [0, 0, 0, 16, 0x80, 1, 0, 9] + Array(repeating: 0, count: 12)),
                    ("an answer", ThriftPeer.bytes(.reply, "rpc", 1, [0])),
                    ("unframed, a list of 2^31", [0x80, 1, 0, 1, 0, 0, 0, 1, 0x61, 0, 0, 0, 1, 15, 0, 1, 8, 0x7F, 0xFF, 0xFF, 0xFF]),
                    ("unframed, 65 levels", [0x80, 1, 0, 1, 0, 0, 0, 1, 0x61, 0, 0, 0, 1] + (0..<65).flatMap { _ in [12, 0, 1] as [UInt8] }),
                ]
                for (number, (what, bytes)) in inputs.enumerated() {
                    let client = try proxy.client()
                    try client.socket.write(bytes)
                    #expect(try client.next() == nil, "\(what): not closed")
                    try bystander.send(Int32(number))
                    #expect(try bystander.message().sequence == Int32(number), "\(what)")
                }
                try proxy.expectNothingPending()
            }
        }

        @Test("S15: a call cut at every byte goes nowhere; whole, byte by byte, it is answered")
        func cuts() throws {
            let upstream = EchoingUpstream(try Listener())
            defer { upstream.stop() }
            try withProxy(to: [upstream.listener]) { proxy in
                let call = ThriftPeer.bytes(.call, "rpc", 5, [8, 0, 1, 0, 0, 0, 1, 0])
                for count in 1..<call.count {
                    let client = try proxy.client()
                    try client.socket.write(Array(call[..<count]))
                    client.socket.end()
                }
                let slow = try proxy.client()
                for byte in call {
                    try slow.socket.write([byte])
                    pass(.milliseconds(1))
                }
                #expect(try slow.message().sequence == 5)
                #expect(upstream.answered == 1)
                try proxy.eventuallyMetric("links_open", ["side": "clients"]) { $0 == 1 }
                try proxy.expectNothingPending()
            }
        }

        @Test("S15: nothing is allocated for a length that is only claimed: 400 claims of 15 MiB cost no memory")
        func claims() throws {
            let upstream = EchoingUpstream(try Listener())
            defer { upstream.stop() }
            try withProxy(to: [upstream.listener]) { proxy in
                func resident() throws -> Int {
                    let status = try String(contentsOfFile: "/proc/\(proxy.child.pid)/status", encoding: .utf8)
                    let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") } ?? ""
                    return Int(line.filter(\.isNumber)) ?? 0
                }
                let bystander = try proxy.client()
                try bystander.send(1)
                _ = try bystander.message()
                let before = try resident()
                // Framed; unframed with a binary of that length; THeader.
                let beginnings: [[UInt8]] = [
                    [0, 0xF0, 0, 0, 0x80, 1, 0, 1, 0, 0, 0, 3, 0x72, 0x70, 0x63, 0, 0, 0, 1, 11, 0, 1],
                    [0x80, 1, 0, 1, 0, 0, 0, 3, 0x72, 0x70, 0x63, 0, 0, 0, 1, 11, 0, 1, 0, 0xF0, 0, 0, 1],
                    [0, 0xF0, 0, 0, 0x0F, 0xFF, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0],
                ]
                let clients = try (0..<400).map { number in
                    let client = try proxy.client()
                    try client.socket.write(beginnings[number % 3])
                    return client
                }
                try proxy.eventuallyMetric("links_open", ["side": "clients"]) { $0 == 401 }
                try bystander.send(2)
                #expect(try bystander.message().sequence == 2)
                // 6 GiB were claimed. A block and a connection for each come to a few MiB.
                let grown = try resident() - before
                #expect(grown < 64 << 10, "\(grown) KiB more than before")
                for client in clients { client.socket.end() }
                try proxy.eventuallyMetric("links_open", ["side": "clients"]) { $0 == 1 }
            }
        }

        @Test("A body of 4 MiB passes untouched, there and back")
        func large() throws {
            let upstream = EchoingUpstream(try Listener())
            defer { upstream.stop() }
            try withProxy(to: [upstream.listener]) { proxy in
                let client = try proxy.client()
                let content = (0..<4 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
                let body: [UInt8] = [11, 0, 1, 0, 64, 0, 0] + content + [0]
                for sequence in Int32(1)...3 {
                    try client.send(.call, "rpc", sequence, body)
                    let answer = try client.message(within: .seconds(30))
                    #expect(answer.sequence == sequence)
                    #expect(answer.body == body)
                }
            }
        }

        @Test("S25: SIGTERM: an open call is still answered, then its connection closes; an idle one at half of drainTimeout; exit 0")
        func drain() throws {
            let upstream = try Listener()
            try withProxy(to: [upstream]) { proxy in
                let (server, busy, idle) = (try upstream.peer(), try proxy.client(), try proxy.client())
                try busy.send(1)
                let call = try server.message()
                try proxy.eventuallyMetric("links_open", ["side": "clients"]) { $0 == 2 }
                let start = ContinuousClock.now
                proxy.child.signal(SIGTERM)
                try eventually("no one is taken any more") { (try? Socket(port: proxy.port)) == nil }
                try server.answer(call)
                #expect(try busy.message().sequence == 1)
                #expect(try busy.next() == nil)
                #expect(ContinuousClock.now - start < .seconds(2))
                #expect(try idle.next() == nil)
                #expect(ContinuousClock.now - start > .milliseconds(1900))
                #expect(try proxy.child.exitCode() == 0)
            }
        }

        @Test("S25: at drainTimeout what is still open is told `lost`; exit 0")
        func drainCut() throws {
            let upstream = try Listener()
            try withProxy(to: [upstream], top: ["loops: 1", "drainTimeout: 1s"]) { proxy in
                let (server, client) = (try upstream.peer(), try proxy.client())
                try client.send(1)
                _ = try server.message()
                proxy.child.signal(SIGTERM)
                #expect(try client.message().code == "lost")
                #expect(try client.next() == nil)
                #expect(try proxy.child.exitCode() == 0)
            }
        }
    }
}
