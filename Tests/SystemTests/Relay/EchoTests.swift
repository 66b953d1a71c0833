import Testing
import Wire

extension SystemTests {
    /// The main job: packets of many clients go out over few connections, and the answers find their way back.
    @Suite struct EchoTests {
        @Test("S5: what each of many clients sends comes back whole and in its order", arguments: [1, 2, 4])
        func manyClients(loops: Int) throws {
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, top: ["loops: \(loops)"])) { gateway in
                let clients = try gateway.clients(40)
                var sent: [[Packet]] = []
                for sender in clients.indices {
                    let packets = (0..<200).map { number in
                        Packet(.random(in: 100...199), from: sender, number: number, size: .random(in: 8...900))
                    }
                    try clients[sender].send(packets)
                    sent.append(packets)
                }
                for (client, packets) in zip(clients, sent) {
                    let received = try client.receive(200)
                    #expect(received.map(\.body) == packets.map(\.body))
                    #expect(received.map(\.header.type) == packets.map(\.header.type))
                }
                #expect(upstream.connections.count == 1)
            }
        }

        @Test("Protocol 1: the smallest and the largest packet pass unchanged", arguments: [0, 1, 65506, 65507])
        func sizes(count: Int) throws {
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream)) { gateway in
                let body = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
                let answer = try gateway.client().exchange(Packet(150, bytes: body))
                #expect(answer.header.length == 28 + count)
                #expect(answer.bytes == body)
            }
        }

        @Test("Protocol 1: packets cut anywhere by the network, or glued together, are the same packets")
        func fragments() throws {
            let upstream = try UpstreamServer(.echo)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream)) { gateway in
                let client = try gateway.client()
                let packets = (0..<60).map { Packet(100, from: 0, number: $0, size: 8 + $0 * 3) }
                let bytes = packets.flatMap { $0.encoded() }
                var rest = bytes[...]
                var length = 1
                while !rest.isEmpty {
                    let piece = rest.prefix(length)
                    try client.socket.write(Array(piece))
                    rest = rest.dropFirst(piece.count)
                    length = (length + 7) % 45 + 1
                }
                #expect(try client.receive(60).map(\.number) == Array(0..<60))
            }
        }

        @Test("Protocol 1: a push for one session reaches that client alone, with the header that the service sent")
        func push() throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream)) { gateway in
                let clients = try gateway.clients(5)
                for (index, client) in clients.enumerated() { try client.send(Packet(100, "\(index)")) }
                let arrived = try upstream.packets(5)
                let third = try #require(arrived.first { $0.text == "3" })
                try upstream.send(Packet(777, "only you", user: 5, token: 6, es: third.header.es, session: third.header.session))
                let received = try clients[3].receive()
                #expect(received.text == "only you")
                #expect(received.header == PacketHeader(bodyCount: 8, type: 777, user: 5, token: 6, es: 1, session: third.header.session))
                for index in [0, 1, 2, 4] { try clients[index].expectNothing() }
            }
        }

        @Test("Protocol 5: a client that half-closes has left")
        func halfClose() throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream)) { gateway in
                let client = try gateway.client()
                try client.send(Packet(100, "last words"))
                client.socket.halfClose()
                #expect(try upstream.packets(1).map(\.text) == ["last words"])
                try client.expectClose()
                try gateway.eventuallyMetric("links_open", ["side": "clients"]) { $0 == 0 }
                let closed = try gateway.metrics()["links_closed_total", ["side": "clients", "code": "cancelled"]]
                #expect(closed == 1)
            }
        }
    }
}
