import Testing
import Wire

extension SystemTests {
    /// MULTICAST and pushes to a user (protocol, sections 1 and 2).
    @Suite struct MulticastTests {
        @Test("MULTICAST: each named session gets the packet, filled in; absent ones are skipped and counted", arguments: [1, 4])
        func named(loops: Int) throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, gateway: ["esID: 3"], top: ["loops: \(loops)"])) { gateway in
                let bound = try (0..<4).map { try gateway.bound(to: upstream, user: UInt64(50 + $0), token: 9) }
                let unbound = try (0..<4).map { _ in try gateway.introduced(to: upstream) }
                let named = [bound[0], bound[2], unbound[1], unbound[3]]
                let inner = Packet(555, "to some", user: 1, token: 2, es: 4, session: 8)
                try upstream.send(Packet(Multicast(sessions: named.map(\.session) + [1, 2, 3], inner: inner), es: 3))
                for one in named {
                    let packet = try one.client.receive()
                    #expect(packet.text == "to some" && packet.header.type == 555 && packet.header.token == 0)
                    #expect(packet.header.es == 3 && packet.header.session == one.session)
                    let user = bound.firstIndex { $0.session == one.session }.map { UInt64(50 + $0) } ?? 0
                    #expect(packet.header.user == user)
                }
                for one in [bound[1], bound[3], unbound[0], unbound[2]] { try one.client.expectNothing() }
                try gateway.eventuallyMetric("multicast_members_total", ["outcome": "delivered"]) { $0 == 4 }
                try gateway.eventuallyMetric("multicast_members_total", ["outcome": "absent"]) { $0 == 3 }
                #expect(upstream.controls(.undelivered).isEmpty)
            }
        }

        @Test("MULTICAST: without names it goes to every bound session")
        func everyone() throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, top: ["loops: 4"])) { gateway in
                let bound = try (0..<12).map { try gateway.bound(to: upstream, user: UInt64(50 + $0), token: 9) }
                let unbound = try (0..<4).map { _ in try gateway.introduced(to: upstream) }
                try upstream.send(Packet(Multicast(sessions: [], inner: Packet(555, "to all")), es: 1))
                for (index, one) in bound.enumerated() {
                    let packet = try one.client.receive()
                    #expect(packet.text == "to all" && packet.header.session == one.session && packet.header.user == UInt64(50 + index))
                    try one.client.expectNothing()
                }
                for one in unbound { try one.client.expectNothing() }
                try gateway.eventuallyMetric("multicast_members_total", ["outcome": "delivered"]) { $0 == 12 }
            }
        }

        @Test("MULTICAST: an inner packet that is a control packet or does not fit is answered badRequest")
        func malformed() throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream)) { gateway in
                let one = try gateway.bound(to: upstream, user: 5, token: 6)
                let good = Packet(Multicast(sessions: [one.session], inner: Packet(555, "x")), es: 1).bytes
                let control = Packet(Multicast(sessions: [one.session], inner: Packet(.kick, bytes: [0, 11])), es: 1).bytes
                let bodies: [[UInt8]] = [control, good + [0], Array(good.dropLast()), [0, 9] + Array(good.dropFirst(2)), [], [0]]
                for (index, body) in bodies.enumerated() {
                    try upstream.send(Packet(.multicast, bytes: body, es: 1))
                    let notice = try upstream.controls(.undelivered, index + 1)[index].read(Undelivered.self)
                    #expect(notice.code == Code.badRequest.rawValue, "body \(index)")
                    #expect(notice.lost.type == ControlType.multicast.rawValue)
                }
                try one.client.expectNothing()
                #expect(upstream.connections.count == 1)
            }
        }

        @Test("Push: Session 0 and a user reaches every session of that user, on every loop", arguments: [1, 4])
        func push(loops: Int) throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, top: ["loops: \(loops)"])) { gateway in
                let mine = try (0..<6).map { try gateway.bound(to: upstream, user: 5, token: UInt32($0)) }
                let others = try (0..<3).map { _ in try gateway.bound(to: upstream, user: 6, token: 1) }
                try upstream.send(Packet(700, "for user 5", user: 5, token: 88, es: 1))
                for one in mine {
                    let packet = try one.client.receive()
                    #expect(packet.text == "for user 5" && packet.header.type == 700)
                    #expect(packet.header.session == one.session && packet.header.es == 1 && packet.header.user == 5)
                    try one.client.expectNothing()
                }
                for one in others { try one.client.expectNothing() }
                #expect(upstream.controls(.undelivered).isEmpty)
            }
        }

        @Test("Push: a user who is not there is noPeer to the upstream, nobody at all is badRequest")
        func nobody() throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream)) { gateway in
                let one = try gateway.bound(to: upstream, user: 5, token: 6)
                try upstream.send(Packet(700, "for user 7", user: 7, es: 1), Packet(701, "for nobody", es: 1))
                let notices = try upstream.controls(.undelivered, 2).map { try $0.read(Undelivered.self) }
                let codes = Dictionary(uniqueKeysWithValues: notices.map { ($0.lost.type, $0.code) })
                #expect(codes == [700: Code.noPeer.rawValue, 701: Code.badRequest.rawValue])
                #expect(notices.contains { $0.lost.type == 700 && $0.lost.user == 7 })
                try one.client.expectNothing()
                one.client.leave()
                try gateway.eventuallyMetric("links_open", ["side": "clients"]) { $0 == 0 }
                try upstream.send(Packet(702, "gone", user: 5, es: 1))
                #expect(try upstream.controls(.undelivered, 3)[2].read(Undelivered.self).code == Code.noPeer.rawValue)
            }
        }

        @Test("S5: MULTICAST and packets to one session arrive in the order sent")
        func order() throws {
            let upstream = try UpstreamServer(.record)
            defer { upstream.stop() }
            try withGateway(Configuration(to: upstream, top: ["loops: 4"])) { gateway in
                let ones = try (0..<6).map { _ in try gateway.introduced(to: upstream) }
                var batch: [Packet] = []
                for number in 0..<300 {
                    if number % 7 == 0 {
                        batch.append(Packet(Multicast(sessions: ones.map(\.session), inner: Packet(100, from: 0, number: number)), es: 1))
                        continue
                    }
                    for one in ones {
                        var packet = Packet(100, from: 0, number: number)
                        packet.header.session = one.session
                        batch.append(packet)
                    }
                }
                try upstream.connection().send(batch)
                for one in ones { #expect(try one.client.receive(300).map(\.number) == Array(0..<300)) }
            }
        }
    }
}
