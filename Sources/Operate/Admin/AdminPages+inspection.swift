import Foundation
import Hummingbird
import Telemetry
import Yams

/// The pages that show what is inside.
extension AdminPages {
    /// `/links?side=&state=&code=&session=&user=&text=&sort=&limit=&closed=true`
    func links(_ call: AdminCall) async -> Response {
        let query: LinkQuery
        switch AdminPages.query(call) {
        case .success(let read): query = read
        case .failure(let fault): return .line(fault.line, status: .badRequest)
        }
        let isClosed = call["closed"] == "true" || call["state"] == "closed"
        let links = await ask { isClosed ? await $0.closedLinks(query) : await $0.links(query) }.flatMap(\.self)
        return .json(query.first(of: links))
    }

    private struct Fault: Error { var line: String }

    private static func query(_ call: AdminCall) -> Result<LinkQuery, Fault> {
        let known = ["side", "state", "code", "session", "user", "text", "sort", "limit", "closed"]
        let unknown = call.unknownKeys(besides: known)
        guard unknown.isEmpty else {
            return .failure(Fault(line: "unknown: \(unknown.joined(separator: ", ")); there are \(known.joined(separator: ", "))"))
        }
        var query = LinkQuery()
        query.side = call["side"]
        query.state = call["state"]
        query.code = call["code"]
        query.session = call["session"]
        query.user = call["user"]
        query.text = call["text"]
        if let sort = call["sort"] {
            guard let sort = LinkQuery.Sort(rawValue: sort) else {
                return .failure(Fault(line: "sort is one of \(LinkQuery.Sort.allCases.map(\.rawValue).joined(separator: ", "))"))
            }
            query.sort = sort
        }
        if let limit = call["limit"] {
            guard let limit = Int(limit), (1...LinkQuery.maxLimit).contains(limit) else {
                return .failure(Fault(line: "limit is a number from 1 to \(LinkQuery.maxLimit)"))
            }
            query.limit = limit
        }
        return .success(query)
    }

    func routes(_: AdminCall) async -> Response { .json(await ask { await $0.routes() }.flatMap(\.self)) }
    func registry(_: AdminCall) async -> Response { .json(await ask { await $0.registry() }.flatMap(\.self)) }
    func pools(_: AdminCall) async -> Response { .json(await ask { await $0.pools() }.flatMap(\.self)) }
    func lanes(_: AdminCall) async -> Response { .json(await ask { await $0.laneViews() }.flatMap(\.self)) }
    func pending(_: AdminCall) async -> Response { .json(await ask { await $0.pending() }.flatMap(\.self)) }

    /// What the process runs with, secrets masked: as JSON, or as the file that it could be.
    func configuration(_ call: AdminCall) async -> Response {
        let yaml = control.configuration()
        if call["format"] == "yaml" { return .text(yaml, type: "text/plain; charset=utf-8") }
        guard let tree = try? Yams.load(yaml: yaml), JSONSerialization.isValidJSONObject(tree),
            let json = try? JSONSerialization.data(withJSONObject: tree, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
        else { return .line("this cannot be shown as JSON; ask for ?format=yaml", status: .internalServerError) }
        return .text(String(decoding: json, as: UTF8.self) + "\n", type: "application/json")
    }

    func dashboard(_: AdminCall) async -> Response {
        .text(
            String(decoding: PackageResources.dashboard_html, as: UTF8.self), type: "text/html; charset=utf-8",
            headers: [
                .contentSecurityPolicy:
                    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
            ])
    }
}
