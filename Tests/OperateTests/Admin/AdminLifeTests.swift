import Foundation
import Links
import Logging
import Operate
import Synchronization
import Testing

@Suite("Admin server: its life", .timeLimit(.minutes(1)))
struct AdminLifeTests {
    private func server(at endpoint: Endpoint, logger: Logger = Logger(label: "admin", factory: { _ in SwiftLogNoOpLogHandler() })) -> AdminServer {
        AdminServer(ProcessSettings.Admin(listen: endpoint), roles: [], state: ProcessState(), control: .none, logger: logger)
    }

    @Test("Port 0 becomes the port that the system gave")
    func port() async throws {
        try await withAdmin(.host("localhost", port: 0)) { client, _, _ async throws in
            guard case .host("localhost", let port) = client.endpoint else { throw HTTPReply.NoAnswer(text: "\(client.endpoint)") }
            #expect(port > 0)
            #expect(try await client.get("/healthz").status == 200)
        }
    }

    @Test("A Unix socket will do, and one that an old process left is replaced")
    func unixSocket() async throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("admin-\(UInt32.random(in: 0 ... .max))").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        for _ in 0..<2 {
            try await withAdmin(.unix(path: path), token: "hunter2") { client, _, _ async throws in
                #expect(client.endpoint == .unix(path: path))
                #expect(try await client.get("/metrics").status == 200)
            }
        }
    }

    @Test("An address that is in use is one clear line, and nothing is logged")
    func inUse() async throws {
        let log = Log()
        try await withAdmin { client, _, _ async throws in
            let second = server(at: client.endpoint, logger: Logger(label: "admin") { _ in log.handler })
            let error = await #expect(throws: (any Error).self) { try await second.start() }
            let expected = "cannot listen on \(client.endpoint): the address is in use; stop what listens there or choose another port"
            #expect(error.map { "\($0)" } == expected)
            await second.stop()
        }
        #expect(log.lines == [])
    }

    @Test(
        "Other reasons why it cannot listen are one clear line",
        arguments: [
            (Endpoint.host("192.0.2.1", port: 0), "this machine does not have that address"),
            (.unix(path: "/no/such/folder/socket"), "No such file or directory"),
            (.unix(path: "/" + String(repeating: "a", count: 200)), "the path is too long"),
            (.unix(path: "/"), "there is a file with that path, and it is not a socket"),
        ])
    func cannotListen(endpoint: Endpoint, reason: String) async throws {
        let error = await #expect(throws: (any Error).self) { try await server(at: endpoint).start() }
        #expect(error.map { "\($0)" } == "cannot listen on \(endpoint): \(reason)")
    }

    @Test("Starting, answering and stopping says nothing at level info")
    func quiet() async throws {
        let log = Log()
        try await withAdmin(logger: Logger(label: "admin") { _ in log.handler }) { client, _, _ async throws in
            for path in ["/healthz", "/status", "/nothing"] { _ = try await client.get(path) }
        }
        #expect(log.lines == [])
    }

    @Test("A role that is slow holds up only those who ask for it")
    func slowRole() async throws {
        let gate = Gate()
        try await withAdmin(roles: [FakeRole(gate: gate)]) { client, _, _ async throws in
            async let metrics = client.get("/metrics")
            async let status = client.get("/status")
            await gate.arrival()
            for _ in 0..<10 { #expect(try await client.get("/healthz").body == "ok\n") }
            gate.open()
            #expect(try await metrics.status == 200)
            #expect(try await status.status == 200)
        }
    }

    @Test("Stopping lets what is being answered end, and closes idle connections")
    func graceful() async throws {
        let gate = Gate()
        try await withAdmin(roles: [FakeRole(gate: gate)]) { client, server, _ async throws in
            async let metrics = client.get("/metrics")
            await gate.arrival()
            let (answers, answered) = AsyncStream.makeStream(of: Void.self)
            async let idle = client.exchange("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n") { answered.yield() }
            for await _ in answers { break }
            async let stopped: Void = server.stop(within: .seconds(30))
            #expect(try await idle.hasSuffix("ok\n"))
            gate.open()
            #expect(try await metrics.status == 200)
            await stopped
            await #expect(throws: (any Error).self) { try await client.get("/healthz") }
        }
    }

    @Test("When it has stopped, no page that looked at once is still asking a role")
    func liveFeed() async throws {
        let gate = Gate()
        let role = FakeRole(gate: gate)
        try await withAdmin(roles: [role]) { client, server, _ async throws in
            let page = Task { try? await client.exchange("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n") }
            await gate.arrival()
            #expect(role.isAsked)
            async let stopped: Void = server.stop(within: .seconds(30))
            _ = await page.value
            gate.open()
            await stopped
            #expect(!role.isAsked)
        }
    }

    @Test("Stopping does not wait for ever for a role that does not answer")
    func abandoned() async throws {
        let gate = Gate()
        let log = Log()
        try await withAdmin(roles: [FakeRole(gate: gate)], logger: Logger(label: "admin") { _ in log.handler }) { client, server, _ async throws in
            let metrics = Task { try? await client.get("/metrics") }
            await gate.arrival()
            await server.stop(within: .milliseconds(50))
            await #expect(throws: (any Error).self) { try await client.get("/healthz") }
            gate.open()
            _ = await metrics.value
        }
        #expect(log.lines == [])
    }

    @Test("Stopping while connections come in closes them and harms no one")
    func comingIn() async throws {
        for _ in 0..<50 {
            try await withAdmin { client, server, _ async throws in
                await withTaskGroup(of: Void.self) { group in
                    for _ in 0..<32 { group.addTask { _ = try? await client.get("/healthz") } }
                    _ = await group.next()
                    await server.stop(within: .zero)
                }
            }
        }
    }

    @Test("Stopping twice, or what never ran, does nothing")
    func stopTwice() async throws {
        await server(at: .host("127.0.0.1", port: 0)).stop()
        try await withAdmin { _, server, _ in await server.stop() }
    }
}

/// What was logged at info and above.
private final class Log: Sendable {
    private let written = Mutex<[String]>([])
    var lines: [String] { written.withLock { $0 } }
    var handler: any LogHandler { Handler(log: self) }

    private struct Handler: LogHandler {
        let log: Log
        var logLevel = Logger.Level.info
        var metadata: Logger.Metadata = [:]
        init(log: Log) { self.log = log }
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
        func log(event: LogEvent) { log.written.withLock { $0.append("\(event.level) \(event.message)") } }
    }
}
