import Testing
import Wire

extension SystemTests {
    /// Clients that do not read (rules S13, S14).
    @Suite struct SlowClientTests {
        /// Enough for every buffer of the kernel in between.
        static let flood = 14 << 20

        @Test("S13, S14: a client that never reads is closed with slowConsumer, without a word; the others are unharmed", arguments: [1, 4])
        func closed(loops: Int) throws {
            let (upstream, flooder) = (try UpstreamServer(.echo), try UpstreamServer(.record))
            defer { for server in [upstream, flooder] { server.stop() } }
            let routes = [Configuration.route("echo", "100-199", upstream), Configuration.route("flood", "200-299", flooder)]
            let configuration = Configuration(routes: routes, gateway: ["limits: { maxPending: 256KiB }"], top: ["loops: \(loops)"])
            try withGateway(configuration) { gateway in
                let slow = try gateway.client(receiveBuffer: 4096)
                try slow.send(Packet(200))
                let session = try flooder.packets(1)[0].header.session
                let others = try gateway.clients(8)
                let connection = try flooder.connection()
                let flooding = InBackground {
                    let packet = Packet(200, bytes: Array(repeating: 7, count: 32 << 10), session: session)
                    for _ in 0..<(SlowClientTests.flood >> 15) { try connection.send(packet) }
                }
                for number in 0..<200 {
                    for other in others {
                        let answer = try other.exchange(Packet(100, from: 0, number: number), within: .seconds(2))
                        #expect(answer.number == number)
                    }
                }
                try flooding.value()
                try gateway.eventuallyMetric("links_closed_total", ["side": "clients", "code": "slowConsumer"]) { $0 == 1 }
                let closed = try obtain("SESSION_CLOSED") { flooder.controls(.sessionClosed).first { $0.header.session == session } }
                #expect(try closed.read(SessionClosed.self).code == Code.slowConsumer.rawValue)
                var last: Packet?
                while let packet = try slow.next() { last = packet }
                #expect(last == nil || last?.header.type == 200, "a slow consumer is told nothing")
                for other in others { try other.expectNothing() }
                try gateway.eventuallyMetric("queue_bytes", ["side": "clients"]) { $0 == 0 }
            }
        }

        @Test("S13: answers of the gateway itself are bounded too: a client that floods and reads nothing is closed", arguments: ["PING", "noRoute"])
        func ownAnswers(kind: String) throws {
            try withGateway(Configuration(gateway: ["limits: { maxPending: 256KiB }"])) { gateway in
                let client = try gateway.client(receiveBuffer: 4096)
                let packet =
                    kind == "PING" ? Packet(.ping, bytes: Array(repeating: 1, count: 64)) : Packet(100, bytes: Array(repeating: 1, count: 64))
                let chunk = (0..<1000).flatMap { _ in packet.encoded() }
                var rest = chunk[...]
                var (written, looked) = (0, 0)
                var most = 0.0
                var isOpen = true
                while isOpen, written < 3 * SlowClientTests.flood {
                    guard let count = client.socket.writeSome(rest) else { break }
                    rest = count == rest.count ? chunk[...] : rest.dropFirst(count)
                    written += count
                    if count == 0 || written >= looked + (1 << 20) {
                        looked = written
                        let metrics = try gateway.metrics()
                        most = max(most, metrics["queue_bytes", ["side": "clients"]])
                        isOpen = metrics["links_closed_total", ["side": "clients", "code": "slowConsumer"]] == 0
                    }
                }
                #expect(most < Double(600 << 10), "\(most) bytes queued for a client that may have 256 KiB")
                try gateway.eventuallyMetric("links_closed_total", ["side": "clients", "code": "slowConsumer"]) { $0 == 1 }
            }
        }

        @Test("S13: a client within its limit gets everything, however late it reads")
        func late() throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, gateway: ["limits: { maxPending: 32MiB }"])) { gateway in
                let slow = try gateway.client(receiveBuffer: 4096)
                try slow.send(Packet(100))
                let session = try upstream.packets(1)[0].header.session
                let connection = try upstream.connection()
                for number in 0..<400 {
                    var packet = Packet(100, from: 0, number: number, size: 32 << 10)
                    packet.header.session = session
                    try connection.send(packet)
                }
                try gateway.eventuallyMetric("queue_bytes", ["side": "clients"]) { $0 > 1_048_576 }
                #expect(try slow.receive(400).map(\.number) == Array(0..<400))
                try gateway.eventuallyMetric("queue_bytes", ["side": "clients"]) { $0 == 0 }
            }
        }

        @Test("S13: over the memory bound of the process the client with the longest queue is closed, a shorter one stays")
        func memory() throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            let configuration = Configuration(to: upstream, gateway: ["limits: { maxPending: 64MiB }"], top: ["memory: 8MiB"])
            try withGateway(configuration) { gateway in
                let (short, long) = (try gateway.client(receiveBuffer: 4096), try gateway.client(receiveBuffer: 4096))
                try short.send(Packet(100, "short"))
                try long.send(Packet(100, "long"))
                let introductions = try upstream.packets(2)
                let sessions = Dictionary(uniqueKeysWithValues: introductions.map { ($0.text, $0.header.session) })
                let connection = try upstream.connection()
                var sent = 0
                func send(to name: String) throws {
                    var packet = Packet(100, from: 0, number: sent, size: 32 << 10)
                    packet.header.session = sessions[name] ?? 0
                    try connection.send(packet)
                }
                while try gateway.metrics()["queue_bytes", ["side": "clients"]] < 1_048_576 {
                    for _ in 0..<8 {
                        try send(to: "short")
                        sent += 1
                    }
                }
                let shortCount = sent
                for _ in 0..<(SlowClientTests.flood >> 15) { try send(to: "long") }
                try gateway.eventuallyMetric("links_closed_total", ["side": "clients", "code": "slowConsumer"]) { $0 == 1 }
                let closed = try obtain("SESSION_CLOSED") { upstream.controls(.sessionClosed).first { $0.header.session != 0 } }
                #expect(closed.header.session == sessions["long"])
                #expect(try short.receive(shortCount).map(\.number) == Array(0..<shortCount))
                try short.expectNothing()
            }
        }
    }
}
