import Logging
import NIOCore
import Switchyard
import Synchronization
import Testing

/// A program that calls through hubs with the library, in this process.
struct HubCallers {
    let caller: RPCHubCaller
    static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// - Parameter hubs: the ports for callers.
    init(_ hubs: [UInt16]) async throws {
        caller = RPCHubCaller(CallerSettings(hubs: hubs.map { .host("127.0.0.1", port: Int($0)) }), logger: HubCallers.quiet)
        try await caller.start()
    }

    /// Asks until there is an answer: what was just registered may not be listed yet.
    func eventuallyAnswered(_ rpc: UInt32, within limit: Duration = .seconds(60)) async throws {
        let end = ContinuousClock.now + limit
        while await outcome(rpc) != "ok" {
            guard ContinuousClock.now < end else { throw Unmet("RPC id \(rpc) is not answered within \(limit)") }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// How one call ends: `ok`, or its code.
    func outcome(_ rpc: UInt32, type: Int32 = 7, timeout: TimeAmount? = nil) async -> String {
        let text = "\(rpc)/\(UInt64.random(in: 0 ... .max))"
        do {
            let reply = try await caller.call(
                rpcID: rpc, request: ProtoRequest(type: type, content: ByteBuffer(string: text)), timeout: timeout)
            return String(buffer: reply.content) == String(text.reversed()) ? "ok" : "the answer of another call"
        } catch let failure as RPCError {
            return failure.code.name
        } catch {
            return "\(error)"
        }
    }
}

/// Calls that never stop until they are told to, each from a task that waits for its answer.
final class CallLoad: Sendable {
    private let outcomes = Mutex<[String: Int]>([:])
    private let isOver = Atomic(false)
    private let tasks = Mutex<[Task<Void, Never>]>([])

    init(_ callers: HubCallers, rpc: UInt32, tasks count: Int) {
        let started = (0..<count).map { _ in
            Task.detached {
                while !self.isOver.load(ordering: .relaxed) {
                    let outcome = await callers.outcome(rpc)
                    self.outcomes.withLock { $0[outcome, default: 0] += 1 }
                    // No test of speed: others need the processor too.
                    try? await Task.sleep(for: .milliseconds(1))
                }
            }
        }
        tasks.withLock { $0 = started }
    }

    var answered: Int { outcomes.withLock { $0["ok", default: 0] } }

    func awaitAnswers(_ count: Int) throws {
        let goal = answered + count
        try eventually("\(count) more answers; outcomes so far: \(outcomes.withLock { $0 })", within: .seconds(60)) { answered >= goal }
    }

    /// How many calls ended in which way.
    func stop() async -> [String: Int] {
        isOver.store(true, ordering: .relaxed)
        for task in tasks.withLock({ $0 }) { await task.value }
        return outcomes.withLock { $0 }
    }
}

/// A Thrift server in this process: it turns the content round, and never answers type 1.
struct ReversingServer {
    let server: RPCServer
    let port: UInt16

    init() async throws {
        var settings = RPCServerSettings(listen: .host("127.0.0.1", port: 0))
        settings.logger = HubCallers.quiet
        // A call that is never answered holds up no other one.
        settings.ordered = false
        server = RPCServer(settings) { request in
            if request.type == 1 { try await Task.sleep(for: .seconds(600)) }
            let content = ByteBuffer(bytes: request.content.readableBytesView.reversed())
            return ProtoReply(result: request.shardingID, type: request.type, content: content)
        }
        port = try SwitchyardProcess.port(in: try #require(try await server.start().first).address)
    }

    func end() async { await server.drain(within: .milliseconds(100), atOnce: true) }
}
