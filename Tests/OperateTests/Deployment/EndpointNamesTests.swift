import Foundation
import Operate
import Testing

/// What the admin server has, what `docs/metrics.md` says that it has, and what other tests ask it for are the same.
@Suite("Admin server: every endpoint is documented and tested", .timeLimit(.minutes(1)))
struct EndpointNamesTests {
    /// `GET /links`, `POST /links/*/close`: the first cell of each row of the two tables.
    private static func documented() throws -> [String] {
        var folder = URL(fileURLWithPath: #filePath)
        while folder.lastPathComponent != "Tests" { folder.deleteLastPathComponent() }
        let text = try String(contentsOf: folder.deletingLastPathComponent().appendingPathComponent("docs/metrics.md"), encoding: .utf8)
        var found: [String] = []
        var method = "GET"
        for line in text.split(separator: "\n") {
            if line.hasPrefix("**Actions**") { method = "POST" }
            guard line.hasPrefix("| `/"), let cell = line.split(separator: "|").first else { continue }
            for name in cell.matches(of: /`(\/[^?`]*)[^`]*`/) {
                let path = name.output.1.replacing("ID", with: "*").replacing("ADDRESS", with: "*")
                if !found.contains("\(method) \(path)") { found.append("\(method) \(path)") }
            }
        }
        return found
    }

    private func existing() async throws -> [String] {
        var endpoints: [String] = []
        try await withAdmin { _, server, _ async throws in endpoints = server.endpoints }
        return endpoints
    }

    @Test("The documentation has every endpoint that exists, and no other")
    func documentation() async throws {
        let existing = try await existing()
        #expect(existing.count > 15)
        #expect(try EndpointNamesTests.documented().sorted() == existing.sorted())
    }

    @Test("The tests of who gets what ask for every endpoint")
    func rules() async throws {
        let pages = (AdminRulesTests.pages + ["/healthz", "/readyz", "/events"]).map { "GET \($0)" }
        let actions = AdminActionsTests.actions.map { action in
            let path = action.prefix { $0 != "?" }
            let parts = path.split(separator: "/")
            // What stands in the middle is a link's number or an upstream's address.
            return parts.count < 3 ? "POST \(path)" : "POST /\(parts[0])/*/\(parts[parts.count - 1])"
        }
        #expect(Set(pages + actions) == Set(try await existing()))
    }
}
