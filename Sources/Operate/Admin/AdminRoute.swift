import Foundation
import Hummingbird

/// One method and path, and what stands behind it.
struct AdminRoute: Sendable {
    let method: HTTPRequest.Method
    /// May hold one `*`, which stands for anything but nothing.
    let path: String
    let need: AdminGuard.Need
    let answer: @Sendable (AdminCall) async -> Response

    static func get(_ path: String, _ need: AdminGuard.Need, _ answer: @escaping @Sendable (AdminCall) async -> Response) -> AdminRoute {
        AdminRoute(method: .get, path: path, need: need, answer: answer)
    }

    static func post(_ path: String, _ answer: @escaping @Sendable (AdminCall) async -> Response) -> AdminRoute {
        AdminRoute(method: .post, path: path, need: .acting, answer: answer)
    }

    /// What stands in the place of the `*`, or nothing; nil when the path is another one.
    func match(_ other: String) -> String? {
        guard let star = path.firstIndex(of: "*") else { return other == path ? "" : nil }
        let before = path[..<star]
        let after = path[path.index(after: star)...]
        guard other.hasPrefix(before), other.hasSuffix(after), other.count > before.count + after.count else { return nil }
        return String(other.dropFirst(before.count).dropLast(after.count)).removingPercentEncoding
    }
}

extension AdminRoute {
    /// Everything that the server has.
    static func all(_ pages: AdminPages, _ actions: AdminActions, live: LiveFeed, taps: TapStreams) -> [AdminRoute] {
        [
            .get("/", .reading, pages.dashboard),
            .get("/healthz", .nothing, pages.health),
            .get("/readyz", .nothing, pages.readiness),
            .get("/metrics", .scraping, pages.metrics),
            .get("/status", .reading, pages.status),
            .get("/links", .reading, pages.links),
            .get("/routes", .reading, pages.routes),
            .get("/registry", .reading, pages.registry),
            .get("/pools", .reading, pages.pools),
            .get("/lanes", .reading, pages.lanes),
            .get("/pending", .reading, pages.pending),
            .get("/config", .reading, pages.configuration),
            .get("/events", .reading, live.stream),
            .post("/drain", actions.drain),
            .post("/undrain", actions.undrain),
            .post("/reload", actions.reload),
            .post("/kick", actions.kick),
            .post("/links/*/close", actions.closeLink),
            .post("/upstreams/*/disable", actions.disable),
            .post("/upstreams/*/enable", actions.enable),
            .post("/trace", taps.trace),
            .post("/capture", taps.capture),
        ]
    }
}
