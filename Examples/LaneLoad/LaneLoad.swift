import NIOCore
import NIOPosix
import Switchyard
import Synchronization

/// How long lanes take for handlers that take 10 ms each, beside what the arithmetic says.
///
///     lane-load sleep 100000     # handlers that suspend: all 1,024 lanes at once
///     lane-load block 100000     # handlers that block their threads: 64 at once
@main
struct LaneLoad {
    static func main() async throws {
        let words = Array(CommandLine.arguments.dropFirst())
        let blocks = words.first == "block"
        let packets = words.count > 1 ? Int(words[1]) ?? 100_000 : 100_000
        let done = Atomic<Int>(0)
        let underWay = Atomic<Int>(0)
        let peak = Atomic<Int>(0)
        let server = PacketServer(listen: .host("127.0.0.1", port: 0)) { router in
            router.on(7) { _, _ in
                peak.max(underWay.wrappingAdd(1, ordering: .relaxed).newValue, ordering: .relaxed)
                if blocks { Blocking.sleep(milliseconds: 10) } else { try await Task.sleep(for: .milliseconds(10)) }
                underWay.wrappingSubtract(1, ordering: .relaxed)
                done.wrappingAdd(1, ordering: .relaxed)
                return nil
            }
        }
        _ = try await server.start()
        guard case .host(let host, let port)? = server.address else { return }
        let client = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connect(host: host, port: port).get()

        var bytes = ByteBuffer()
        let sessions = LaneLoad.sessionOfEachLane()
        for index in 0..<packets { Packet(type: 7, es: 1, session: sessions[index % sessions.count]).write(to: &bytes) }
        let start = ContinuousClock.now
        try await client.writeAndFlush(bytes).get()
        while done.load(ordering: .relaxed) < packets { try await Task.sleep(for: .milliseconds(1)) }
        let took = ContinuousClock.now - start

        let atOnce = blocks ? 64 : Lanes.count
        let least = Duration.milliseconds((packets + atOnce - 1) / atOnce * 10)
        let percent = Int((took / least * 100).rounded())
        print("\(packets) packets, \(atOnce) at once, 10 ms each: \(took); the arithmetic says \(least): \(percent) %")
        print("most at once: \(peak.load(ordering: .relaxed))")
        try await client.close()
        await server.drain(within: .seconds(1), atOnce: true)
    }

    private static func sessionOfEachLane() -> [UInt64] {
        var found: [Int: UInt64] = [:]
        var session: UInt64 = 1
        while found.count < Lanes.count {
            if found[Lanes.lane(of: session)] == nil { found[Lanes.lane(of: session)] = session }
            session += 1
        }
        return Array(found.values)
    }
}
