import Links
import NIOCore
import Testing
import Wire

@testable import Membership

@Suite("A link to a hub", .timeLimit(.minutes(2)))
struct HubLinkTests {
    @Test("HELLO carries what the dialer is; WELCOME, PEERS and packets behind it in one read reach the user in that order")
    func comesUp() async throws {
        try await DialingRig.run { rig in
            rig.answer { packet in
                guard packet.header.type == ControlType.hello.rawValue else { return [] }
                return [DialingRig.welcome(hub: 77), Packet(Peers.ranges([Claim(7, 9)])), Packet(type: 7, session: 3)]
            }
            await rig.start()
            try await rig.until("a packet") { $0.contains("packet 7") }
            #expect(rig.events.filter { !$0.hasPrefix("log") } == ["up 77", "peers [7-9]", "packet 7"])
            let hello = try Hello(body: rig.heard[0].body, format: .standard)
            #expect(hello == rig.hello)
        }
    }

    @Test("Anything but WELCOME or REJECT before WELCOME closes with code 14, and nothing of it reaches the user")
    func dataFirst() async throws {
        try await DialingRig.run { rig in
            rig.answer { $0.header.type == ControlType.hello.rawValue ? [Packet(type: 7), DialingRig.welcome(hub: 1)] : [] }
            await rig.start()
            try await rig.until("REJECT") { _ in rig.heard.contains { $0.header.type == ControlType.reject.rawValue } }
            let reject = try #require(rig.heard.first { $0.header.type == ControlType.reject.rawValue })
            #expect(try Reject(body: reject.body, format: .standard).code == Code.protocol.rawValue)
            #expect(!rig.events.contains { $0.hasPrefix("up") || $0.hasPrefix("packet") })
        }
    }

    @Test("S18: a hub that goes away is dialed again without help, and one that is away at the start too")
    func dialsAgain() async throws {
        try await DialingRig.run { rig in
            rig.answer { $0.header.type == ControlType.hello.rawValue ? [DialingRig.welcome(hub: 1)] : [] }
            await rig.start()
            try await rig.until("up") { $0.contains("up 1") }
            rig.closeLinks()
            try await rig.until("up again") { events in events.filter { $0 == "up 1" }.count == 2 }
            #expect(rig.events.filter { !$0.hasPrefix("log") } == ["up 1", "down lost", "left", "up 1"])
        }
    }

    @Test("S25: leaving says DRAIN, and closes when the hub has answered and the user has no more to say; then nothing is dialed")
    func leaves() async throws {
        try await DialingRig.run { rig in
            rig.answer { packet in
                switch ControlType(rawValue: packet.header.type) {
                case .hello: [DialingRig.welcome(hub: 1)]
                case .drain: [Packet(type: 5, session: 1), Packet(Drain(deadlineMilliseconds: 0))]
                default: []
                }
            }
            await rig.start()
            await rig.leave()
            #expect(rig.events.filter { !$0.hasPrefix("log") } == ["up 1", "packet 5", "stopped", "down draining", "left"])
            let drain = try #require(rig.heard.first { $0.header.type == ControlType.drain.rawValue })
            #expect(try Drain(body: drain.body, format: .standard).deadlineMilliseconds == 5000)
        }
    }

    @Test("An end counts by what the hub said last; one that has said DRAIN and closes in order has left, which is no warning")
    func ends() async throws {
        let cases = [
            (Packet(Reject(.takenOver)), "down takenOver", "is down: takenOver; dialing again"),
            (Packet(Drain(deadlineMilliseconds: 1000)), "down lost", "has left"),
        ]
        for (word, end, line) in cases {
            try await DialingRig.run { rig in
                rig.answer { $0.header.type == ControlType.hello.rawValue ? [DialingRig.welcome(hub: 1), word] : [] }
                await rig.start()
                try await rig.until("its last word is read") { $0.contains { $0 == "leaving" || $0.hasPrefix("log rejected") } }
                rig.closeLinks()
                try await rig.until("down") { $0.contains("left") }
                #expect(rig.events.contains(end))
                #expect(rig.events.contains { $0.hasPrefix("log down: ") && $0.hasSuffix(line) })
            }
        }
    }

    @Test("S17: a hub that says nothing for three heartbeats is closed with code 18")
    func silence() async throws {
        try await DialingRig.run { rig in
            rig.answer { $0.header.type == ControlType.hello.rawValue ? [DialingRig.welcome(hub: 1, heartbeat: 100)] : [] }
            await rig.start()
            try await rig.until("down") { $0.contains("down idle") }
            // On the first link: by now there may be another one, which is silent too.
            let first = rig.heard.dropFirst().prefix { $0.header.type != ControlType.hello.rawValue }
            // Two, or one if this machine was so busy that the second was not read before the end was told.
            let pings = first.count { $0.header.type == ControlType.ping.rawValue }
            #expect((1...2).contains(pings))
        }
    }

    @Test("New claims go out in a later HELLO on the open link")
    func claims() async throws {
        try await DialingRig.run { rig in
            rig.answer { $0.header.type == ControlType.hello.rawValue ? [DialingRig.welcome(hub: 1)] : [] }
            await rig.start()
            await rig.claim([Claim(40, 49)])
            try await rig.until("a second HELLO") { _ in rig.heard.count { $0.header.type == ControlType.hello.rawValue } == 2 }
            let hello = try Hello(body: rig.heard[1].body, format: .standard)
            #expect(hello.claims == [Claim(40, 49)])
            #expect(hello.node == rig.hello.node)
            #expect(rig.links == 1)
        }
    }

    @Test("S25: leaving twice, as when a hub is retired and the process leaves then, ends for both who asked")
    func leavesTwice() async throws {
        try await DialingRig.run { rig in
            rig.answer { packet in
                switch ControlType(rawValue: packet.header.type) {
                case .hello: [DialingRig.welcome(hub: 1)]
                case .drain: [Packet(Drain(deadlineMilliseconds: 0))]
                default: []
                }
            }
            await rig.start()
            async let first: Void = rig.leave()
            async let second: Void = rig.leave()
            _ = await (first, second)
            await rig.leave()
            #expect(rig.heard.filter { $0.header.type == ControlType.drain.rawValue }.count == 1)
        }
    }
}
