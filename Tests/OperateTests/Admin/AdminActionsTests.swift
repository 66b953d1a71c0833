import Foundation
import Links
import Logging
import Operate
import Synchronization
import Telemetry
import Testing
import Wire

@Suite("Admin server: actions", .timeLimit(.minutes(1)))
struct AdminActionsTests {
    static let actions = [
        "/drain", "/undrain", "/reload", "/kick?user=1", "/links/7/close", "/upstreams/127.0.0.1:7100/disable", "/upstreams/unix:/run/x/enable",
        "/trace?user=1", "/capture",
    ]

    @Test("An action needs the token even on loopback, and as a bearer token: what a browser sends by itself does not do", arguments: actions)
    func token(path: String) async throws {
        let role = CommandedRole()
        try await withAdmin(token: "hunter2", roles: [role]) { client, _, _ async throws in
            #expect(try await client.request("POST", path).status == 401)
            #expect(try await client.request("POST", path, headers: ["Authorization: Bearer hunter3"]).status == 401)
            let basic = "Authorization: Basic " + Data("operator:hunter2".utf8).base64EncodedString()
            #expect(try await client.request("POST", path, headers: [basic]).status == 401)
            #expect(try await client.request("GET", path, headers: ["Authorization: Bearer hunter2"]).status == 405)
        }
        try await withAdmin(roles: [role]) { client, _, _ async throws in
            let reply = try await client.request("POST", path, headers: ["Authorization: Bearer "])
            #expect(reply.status == 403 && reply.body.hasSuffix("needs a token, even here; set admin.token\n"))
        }
        #expect(role.commands == [])
    }

    @Test("Commands reach every role, and each leaves one audit line, whatever the log's level")
    func commands() async throws {
        let (first, second) = (CommandedRole(), CommandedRole())
        let log = AuditLog()
        try await withAdmin(token: "hunter2", roles: [first, second], logger: log.logger) { client, _, _ async throws in
            for (path, body) in [
                ("/links/7/close", "closed 2\n"), ("/upstreams/127.0.0.1:7100/disable", "disabled connections: 2\n"),
                ("/upstreams/unix%3A%2Frun%2Fx/enable", "enabled connections: 2\n"), ("/kick?user=5", "kicked 2\n"),
                ("/kick?session=18446744073709551615&code=unauthorized&reason=out%20you%20go", "kicked 2\n"),
            ] {
                let reply = try await client.post(path)
                #expect(reply.status == 200 && reply.body == body, "\(path): \(reply.body)")
            }
        }
        let expected: [RoleCommand] = [
            .closeLink(7), .disable(address: "127.0.0.1:7100"), .enable(address: "unix:/run/x"),
            .kick(session: nil, user: 5, code: .cancelled, reason: "cancelled"),
            .kick(session: .max, user: nil, code: .unauthorized, reason: "out you go"),
        ]
        #expect(first.commands == expected && second.commands == expected)
        #expect(log.lines.count == 5)
        #expect(log.lines.allSatisfy { $0.hasPrefix("audit: ") && $0.contains("127.0.0.1") && $0.contains(" POST /") })
    }

    @Test(
        "What cannot be understood is 400 and one line; what no role has is 404",
        arguments: [
            ("/kick", 400), ("/kick?user=x", 400), ("/kick?user=1&session=2", 400), ("/kick?user=1&code=nonsense", 400), ("/links/x/close", 400),
            ("/kick?user=1", 404), ("/links/7/close", 404), ("/upstreams/x/enable", 404), ("/links/close", 404), ("/trace", 400),
            ("/trace?user=1&seconds=0", 400), ("/trace?user=1&seconds=301", 400), ("/capture?seconds=x", 400), ("/capture?bytes=1", 400),
        ])
    func refused(path: String, status: Int) async throws {
        try await withAdmin(token: "hunter2") { client, _, _ async throws in
            let reply = try await client.post(path)
            #expect(reply.status == status && reply.body.split(separator: "\n").count == 1, "\(reply.body)")
        }
    }

    @Test("Drain takes the process out of rotation, undrain brings it back; leaving is asked for, and then there is no way back")
    func rotation() async throws {
        let left = Atomic(0)
        let control = ProcessControl(leave: { left.wrappingAdd(1, ordering: .relaxed) }, reload: { [] }, configuration: { "" })
        try await withAdmin(token: "hunter2", control: control) { client, _, state async throws in
            #expect(try await client.post("/drain").status == 200)
            let reply = try await client.get("/readyz")
            #expect(reply.status == 503 && reply.body == "out of rotation\n")
            #expect(try await client.post("/undrain").status == 200)
            #expect(try await client.get("/readyz").status == 200)
            #expect(left.load(ordering: .relaxed) == 0)
            #expect(try await client.post("/drain?leave=true").status == 200)
            #expect(left.load(ordering: .relaxed) == 1)
            state.phase = .draining
            #expect(try await client.post("/undrain").status == 409)
        }
    }

    @Test("Reload answers what stands against it")
    func reload() async throws {
        let complaints = Mutex(["edge.yaml:3:1: gatway: unknown key"])
        let control = ProcessControl(leave: {}, reload: { complaints.withLock { $0 } }, configuration: { "" })
        try await withAdmin(token: "hunter2", control: control) { client, _, _ async throws in
            let refused = try await client.post("/reload")
            #expect(refused.status == 409 && refused.body == "edge.yaml:3:1: gatway: unknown key\n")
            complaints.withLock { $0 = [] }
            #expect(try await client.post("/reload").status == 200)
        }
    }
}

extension AdminClient {
    func post(_ path: String) async throws -> HTTPReply { try await request("POST", path, headers: ["Authorization: Bearer hunter2"]) }
}

/// A role that carries out everything, and remembers it.
final class CommandedRole: Inspectable {
    let role = "gateway"
    private let heard = Mutex<[RoleCommand]>([])
    var commands: [RoleCommand] { heard.withLock { $0 } }

    func samples() async -> [Sample] { [] }
    func status() async -> RoleStatus { RoleStatus(role: role, state: "serving", listeners: [], links: 0, peers: []) }

    func perform(_ command: RoleCommand) async -> Int {
        heard.withLock { $0.append(command) }
        return 1
    }
}

/// What is logged, at the level `error`: audit lines come all the same.
final class AuditLog: Sendable {
    private let heard = Mutex<[String]>([])
    var lines: [String] { heard.withLock { $0 } }

    var logger: Logger {
        var settings = ProcessSettings.Log()
        settings.level = .error
        return Logger(label: "admin") { [self] label in
            LineLogHandler(label: label, log: LogSwitch(settings)) { line in
                guard let start = line.firstRange(of: "audit: ")?.lowerBound else { return }
                self.heard.withLock { $0.append(String(line[start...])) }
            }
        }
    }
}
