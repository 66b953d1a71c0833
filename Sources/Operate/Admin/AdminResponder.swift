import Foundation
import Hummingbird
import Links
import NIOCore

/// Decides what a request gets: what it asks for, or one line that says why not.
struct AdminResponder: HTTPResponder {
    private let routes: [AdminRoute]
    private let gate: AdminGuard

    init(_ routes: [AdminRoute], gate: AdminGuard) {
        self.routes = routes
        self.gate = gate
    }

    func respond(to request: Request, context: AdminContext) async throws -> Response {
        let isHead = request.method == .head
        if AdminResponder.carriesTooMuch(request) { return AdminResponder.tooMuch(isHead: isHead, closing: context.channel) }
        let response = await answer(to: request, context)
        return isHead ? response.createHeadResponse() : response
    }

    private func answer(to request: Request, _ context: AdminContext) async -> Response {
        let path = request.uri.path
        let found = routes.compactMap { route in route.match(path).map { (route, $0) } }
        guard let (first, _) = found.first else {
            let there = routes.filter { $0.method == .get && $0.path != "/" }.map(\.path)
            return .line("not found; there are \(there.joined(separator: ", "))", status: .notFound)
        }
        let method = request.method == .head ? .get : request.method
        guard let (route, parameter) = found.first(where: { $0.0.method == method }) else {
            let isAction = first.method == .post
            return .line(
                isAction ? "\(path) is an action; use POST" : "\(path) can only be read, with GET or HEAD", status: .methodNotAllowed,
                headers: [.allow: isAction ? "POST" : "GET, HEAD"])
        }
        if let refusal = gate.refusal(request, path: path, need: route.need) { return refusal }
        return await route.answer(AdminCall(request, context: context, parameter: parameter))
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
