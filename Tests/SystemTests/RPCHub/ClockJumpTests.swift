import Foundation
import NIOCore
import Testing
import Wire

extension SystemTests {
    /// Someone sets the system's clock while calls are open: time that passes is measured by another.
    @Suite(.enabled(if: SettableClock.isInstalled, "Debian's faketime is not installed"))
    struct ClockJumpTests {
        @Test("S17, S28: the system's clock jumps by 400 days, forward and back: deadlines come in their time, no link is closed, calls are answered")
        func jumps() async throws {
            let server = try await ReversingServer()
            let clock = try SettableClock()
            try withRPCHub(environment: clock.environment, command: SettableClock.command) { hub in
                let agent = try AgentProcess(
                    hubs: [hub.agents], ids: "20-29", upstream: server.port, environment: clock.environment, command: SettableClock.command)
                defer { agent.end() }
                let (plain, caller) = (try hub.agent(), try hub.caller())
                try hub.eventuallyMetric("registrations") { $0 == 3 }
                let today = try year(of: hub)
                try caller.ask(1, timeout: 30_000)
                let first = try plain.take()
                try clock.set("+400d")
                // A word of the hub's log shows that the jump is real.
                let witness = try hub.caller(78)
                try eventually("the log shows the jump") { try year(of: hub) > today }
                try caller.ask(2, rpc: 20)
                #expect(try caller.reply(to: 2) == "olleh")
                try caller.expectNothing()
                try plain.answer(first)
                #expect(try caller.reply(to: 1) == "olleh")
                try caller.ask(3, timeout: 300)
                let third = try plain.take()
                try clock.set("-400d")
                let second = try hub.caller(79)
                try eventually("the log shows the jump back") { try year(of: hub) < today }
                try caller.expectUndelivered(.deadline, of: 3)
                try plain.expectCancel(of: third)
                try caller.ask(4, rpc: 20)
                #expect(try caller.reply(to: 4) == "olleh")
                #expect(try hub.metrics()["links_closed_total", ["role": "rpcHub"]] == 0)
                #expect(try agent.metrics()["links_closed_total", ["role": "rpcAgent"]] == 0)
                withExtendedLifetime((witness, second)) {}
            }
            await server.end()
        }

        /// Of the last line of its log.
        private func year(of hub: RPCHubProcess) throws -> Int {
            try #require(hub.child.errors.last.flatMap { Int($0.prefix(4)) })
        }
    }
}

/// The clock that a process takes for the system's: the date, and not the time since the machine started, as when `date` is set.
final class SettableClock: Sendable {
    private static let libraries = ["x86_64", "aarch64"].map { "/usr/lib/\($0)-linux-gnu/faketime/libfaketimeMT.so.1" }
    static var isInstalled: Bool { libraries.contains { FileManager.default.fileExists(atPath: $0) } }

    /// The library changes the environment of the process that it comes to, where Swift then looks for the arguments in vain; so it comes to one that
    /// goes on as another.
    static let command = ["/usr/bin/env"]

    private let file: URL

    init() throws {
        file = FileManager.default.temporaryDirectory.appending(path: "clock-\(UUID().uuidString)")
        try set("+0")
    }

    deinit { try? FileManager.default.removeItem(at: file) }

    var environment: [String: String] {
        [
            "LD_PRELOAD": SettableClock.libraries.first { FileManager.default.fileExists(atPath: $0) } ?? "", "FAKETIME_TIMESTAMP_FILE": file.path,
            "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1",
        ]
    }

    /// - Parameter offset: from the true date, as faketime writes it.
    func set(_ offset: String) throws { try Data("\(offset)\n".utf8).write(to: file, options: .atomic) }
}
