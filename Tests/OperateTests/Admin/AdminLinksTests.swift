import Foundation
import Operate
import Telemetry
import Testing

@Suite("Admin server: links and configuration", .timeLimit(.minutes(1)))
struct AdminLinksTests {
    private func links(_ client: AdminClient, _ query: String) async throws -> [LinkView] {
        let reply = try await client.get("/links\(query)")
        #expect(reply.status == 200, "\(reply.body)")
        return try JSONDecoder().decode([LinkView].self, from: Data(reply.body.utf8))
    }

    @Test("/links filters, searches, sorts and limits, over all roles")
    func query() async throws {
        let gateway = LinkedRole([
            LinkView(
                id: 1, role: "gateway", side: "clients", remote: "10.0.0.1:5", session: 77, user: 1001, state: "open", queuedBytes: 10, ageSeconds: 5),
            LinkView(
                id: 2, role: "gateway", side: "route", remote: "10.0.0.9:7100", name: "10.0.0.9:7100#0", route: "Chat", state: "open", ageSeconds: 9),
            LinkView(id: 3, role: "gateway", side: "clients", remote: "10.0.0.2:5", state: "finishing", queuedBytes: 99, ageSeconds: 7),
        ])
        let hub = LinkedRole([LinkView(id: 4, role: "hub", side: "edges", remote: "10.0.0.3:6", name: "edge 1", state: "open", ageSeconds: 6)])
        try await withAdmin(roles: [gateway, hub]) { client, _, _ async throws in
            #expect(try await links(client, "").map(\.id) == [2, 3, 4, 1])
            #expect(try await links(client, "?sort=queued").map(\.id) == [3, 1, 2, 4])
            #expect(try await links(client, "?sort=queued&limit=1").map(\.id) == [3])
            #expect(try await links(client, "?side=clients").map(\.id) == [3, 1])
            #expect(try await links(client, "?state=finishing").map(\.id) == [3])
            #expect(try await links(client, "?user=1001").map(\.id) == [1])
            #expect(try await links(client, "?session=77").map(\.id) == [1])
            #expect(try await links(client, "?text=chat").map(\.id) == [2])
            #expect(try await links(client, "?text=EDGE%201").map(\.id) == [4])
            #expect(try await links(client, "?text=nothing").isEmpty)
            let closed = try await links(client, "?closed=true&code=lost")
            #expect(closed.map(\.code) == ["lost", "lost"])
            for (query, word) in [("?sort=nonsense", "sort"), ("?limit=0", "limit"), ("?limit=1001", "limit"), ("?sid=clients", "sid")] {
                let reply = try await client.get("/links\(query)")
                #expect(reply.status == 400 && reply.body.contains(word))
            }
        }
    }

    @Test("/config shows the effective configuration as JSON or YAML")
    func configuration() async throws {
        let control = ProcessControl(leave: {}, reload: { [] }, configuration: { "name: \"edge-1\"\nadmin:\n  token: \"***\"\n" })
        try await withAdmin(control: control) { client, _, _ async throws in
            let reply = try await client.get("/config")
            let tree = try JSONSerialization.jsonObject(with: Data(reply.body.utf8)) as? [String: Any]
            #expect(tree?["name"] as? String == "edge-1" && (tree?["admin"] as? [String: String])?["token"] == "***")
            #expect(try await client.get("/config?format=yaml").body.hasPrefix("name: "))
        }
    }
}

/// A role with links.
private struct LinkedRole: Inspectable {
    let role = "gateway"
    let all: [LinkView]
    init(_ links: [LinkView]) { all = links }

    func samples() async -> [Sample] { [] }
    func status() async -> RoleStatus { RoleStatus(role: role, state: "serving", listeners: [], links: all.count, peers: []) }
    func links(_ query: LinkQuery) async -> [LinkView] { query.first(of: all.filter(query.matches)) }

    func closedLinks(_ query: LinkQuery) async -> [LinkView] {
        let closed = ["lost", "idle"].enumerated().map {
            LinkView(id: UInt64($0), role: role, side: "clients", remote: "x", state: "closed", code: $1)
        }
        return query.first(of: closed.filter(query.matches))
    }
}
