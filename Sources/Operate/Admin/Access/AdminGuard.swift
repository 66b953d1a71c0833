import Foundation
import Hummingbird
import Links
import Synchronization

/// Lets in who may come in: checks Host and Origin, so that no web page that an operator happens to visit can use the server through the
/// operator's browser, and the token.
final class AdminGuard: Sendable {
    /// What a request must show.
    enum Need: Sendable {
        /// Nothing: load balancers ask.
        case nothing
        /// The token, if there is one; on loopback not even that.
        case scraping
        /// The token, if there is one.
        case reading
        /// The token, always; as a bearer token, which no browser sends by itself.
        case acting
    }

    private let bearer: Mutex<BearerToken?>
    private let isLocal: Bool
    private let listensOn: String?

    init(_ settings: ProcessSettings.Admin) {
        bearer = Mutex(settings.token.map(BearerToken.init))
        isLocal = settings.listen.isLoopback
        switch settings.listen {
        case .host(let host, _): listensOn = host
        case .unix: listensOn = nil
        }
    }

    var hasToken: Bool { bearer.withLock { $0 } != nil }

    /// Asks for another token from here on; nil asks for none.
    func change(to token: Secret?) {
        let token = token.map(BearerToken.init)
        bearer.withLock { $0 = token }
    }

    /// The answer to a request that may not pass; nil for one that may.
    func refusal(_ request: Request, path: String, need: Need) -> Response? {
        if let authority = request.head.authority, !isOwn(authority) {
            return .line("this server does not answer for the host `\(authority)`", status: .misdirectedRequest)
        }
        if let origin = request.headers[.origin], !isOwn(origin: origin, of: request) {
            return .line("requests from pages of other sites are refused", status: .forbidden)
        }
        switch need {
        case .nothing: return nil
        case .scraping where isLocal: return nil
        case .scraping, .reading:
            guard let token = bearer.withLock({ $0 }) else {
                return isLocal ? nil : .line("beyond loopback \(path) needs a token; set admin.token", status: .forbidden)
            }
            return answer(
                to: token.verdict(on: request.headers[.authorization], mayBeBasic: true), path, offering: ["Basic realm=\"switchyard\"", "Bearer"])
        case .acting:
            guard let token = bearer.withLock({ $0 }) else { return .line("\(path) needs a token, even here; set admin.token", status: .forbidden) }
            return answer(to: token.verdict(on: request.headers[.authorization], mayBeBasic: false), path, offering: ["Bearer"])
        }
    }

    private func answer(to verdict: BearerToken.Verdict, _ path: String, offering schemes: [String]) -> Response? {
        let line: String
        switch verdict {
        case .right: return nil
        case .missing: line = "\(path) needs the admin token; send it as `Authorization: Bearer TOKEN`"
        case .wrong: line = "the token is wrong"
        }
        var response = Response.line(line, status: .unauthorized)
        // A field for each: browsers do not look for a second scheme in one.
        response.headers[values: .wwwAuthenticate] = schemes
        return response
    }

    /// A name that is ours. On loopback a foreign one means that someone's name server points it here; beyond, names are the operator's matter,
    /// and the token keeps pages out.
    private func isOwn(_ authority: String) -> Bool {
        guard isLocal, let listensOn else { return true }
        let host = AdminGuard.host(of: authority)
        return host == listensOn || Endpoint.host(host, port: 0).isLoopback
    }

    private func isOwn(origin: String, of request: Request) -> Bool {
        guard let authority = request.head.authority else { return false }
        return origin == "http://\(authority)" || origin == "https://\(authority)"
    }

    private static func host(of authority: String) -> String {
        if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") { return String(authority.dropFirst()[..<end]) }
        return String(authority.split(separator: ":", maxSplits: 1).first ?? "")
    }
}
