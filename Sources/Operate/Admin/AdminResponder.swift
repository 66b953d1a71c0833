import Hummingbird
import Links
import NIOCore

/// Decides what a request gets: the page, or one line that says why not.
struct AdminResponder: HTTPResponder {
    /// One path and what stands behind it.
    struct Page: Sendable {
        let path: String
        let needsToken: Bool
        let answer: @Sendable () async -> Response
    }

    private let pages: [Page]
    private let token: BearerToken?

    /// - Parameter settings: beyond loopback `/metrics` needs the token, too.
    init(_ pages: AdminPages, settings: ProcessSettings.Admin) {
        token = settings.token.map(BearerToken.init)
        self.pages = [
            Page(path: "/healthz", needsToken: false, answer: pages.health),
            Page(path: "/readyz", needsToken: false, answer: pages.readiness),
            Page(path: "/metrics", needsToken: !settings.listen.isLoopback, answer: pages.metrics),
            Page(path: "/status", needsToken: true, answer: pages.status),
        ]
    }

    func respond(to request: Request, context: AdminContext) async throws -> Response {
        let isHead = request.method == .head
        if AdminResponder.carriesTooMuch(request) { return AdminResponder.tooMuch(isHead: isHead, closing: context.channel) }
        let response = await answer(to: request)
        return isHead ? response.createHeadResponse() : response
    }

    private func answer(to request: Request) async -> Response {
        guard let page = pages.first(where: { $0.path == request.uri.path }) else {
            return .line("not found; there are \(pages.map(\.path).joined(separator: ", "))", status: .notFound)
        }
        guard request.method == .get || request.method == .head else {
            return .line("\(page.path) can only be read, with GET or HEAD", status: .methodNotAllowed, headers: [.allow: "GET, HEAD"])
        }
        if page.needsToken, let token {
            switch token.verdict(on: request.headers[.authorization]) {
            case .right: break
            case .missing: return AdminResponder.refused("\(page.path) needs the admin token; send it as `Authorization: Bearer TOKEN`")
            case .wrong: return AdminResponder.refused("the token is wrong")
            }
        }
        return await page.answer()
    }

    private static func refused(_ line: String) -> Response {
        .line(line, status: .unauthorized, headers: [.wwwAuthenticate: "Bearer"])
    }

    // MARK: - Bodies

    /// No page reads a body. A small one is skipped, so that the connection can be used again.
    private static let maxBody = 16384

    /// A body without a length could be endless.
    private static func carriesTooMuch(_ request: Request) -> Bool {
        if request.headers[.transferEncoding] != nil { return true }
        guard let length = request.headers[.contentLength] else { return false }
        return Int(length).map { $0 > maxBody } ?? true
    }

    /// Answers and closes: the rest of the connection is the body that no one wants to read.
    private static func tooMuch(isHead: Bool, closing channel: any Channel) -> Response {
        let text = ByteBuffer(string: "a body may have \(maxBody) bytes and must say so with Content-Length\n")
        let body = ResponseBody(contentLength: text.readableBytes) { writer in
            if !isHead { try await writer.write(text) }
            try await writer.finish(nil)
            try await channel.close()
        }
        return Response(status: .contentTooLarge, headers: [.contentType: "text/plain; charset=utf-8", .connection: "close"], body: body)
    }
}

/// A request's surroundings: its connection.
struct AdminContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }
}
