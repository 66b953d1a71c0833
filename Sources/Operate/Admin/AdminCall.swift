import Foundation
import Hummingbird
import Links
import NIOCore

/// A request as pages and actions see it.
struct AdminCall: Sendable {
    let method: String
    /// Path and query as they came, for the audit line.
    let target: String
    let remote: String
    /// What stands in the path where its pattern says `*`, percent-decoded.
    let parameter: String
    private let query: [String: String]

    init(_ request: Request, context: AdminContext, parameter: String) {
        method = request.method.rawValue
        target = String((request.head.path ?? "").prefix(200))
        remote = context.channel.remoteAddress?.text ?? "unknown"
        self.parameter = parameter
        var query: [String: String] = [:]
        for (key, value) in request.uri.queryParameters { query[String(key)] = String(value) }
        self.query = query
    }

    /// A value of the query; the last when it is given twice.
    subscript(_ key: String) -> String? { query[key] }

    /// Keys of the query that are none of these, for one clear answer to a misspelled filter.
    func unknownKeys(besides known: [String]) -> [String] { query.keys.filter { !known.contains($0) }.sorted() }
}
