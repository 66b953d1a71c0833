import Foundation
import Hummingbird
import NIOCore
import Synchronization
import Telemetry

/// Server-sent events: one snapshot of the process every half second, made once for all who look, and not at all while no one does.
final class LiveFeed: Sendable {
    /// Streams at once; one more is refused.
    static let maxStreams = 16
    private static let interval = Duration.milliseconds(500)

    private let pages: AdminPages
    private let gate: AdminGuard
    private let state = Mutex(State())

    private struct State {
        var streams: [Int: AsyncStream<ByteBuffer>.Continuation] = [:]
        var next = 0
        /// Makes the snapshots, or was the last that did.
        var pump: Task<Void, Never>?
        var isClosed = false
    }

    /// - Parameter gate: whether it has a token says whether the page's buttons can work.
    init(_ pages: AdminPages, gate: AdminGuard) {
        self.pages = pages
        self.gate = gate
    }

    func stream(_: AdminCall) async -> Response {
        guard let (id, frames) = open() else {
            return .line("\(LiveFeed.maxStreams) streams are open; close one of the pages", status: .serviceUnavailable)
        }
        let body = ResponseBody { [self] writer in
            defer { close(id) }
            for await frame in frames { try await writer.write(frame) }
            try await writer.finish(nil)
        }
        return Response(
            status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-store", .xContentTypeOptions: "nosniff"], body: body)
    }

    private func open() -> (Int, AsyncStream<ByteBuffer>)? {
        state.withLock { state in
            guard !state.isClosed, state.streams.count < LiveFeed.maxStreams else { return nil }
            // A page that does not keep up misses snapshots, and holds none.
            let (frames, continuation) = AsyncStream.makeStream(of: ByteBuffer.self, bufferingPolicy: .bufferingNewest(1))
            state.next += 1
            state.streams[state.next] = continuation
            if state.streams.count == 1 { state.pump = Task { [before = state.pump] in await pump(after: before) } }
            return (state.next, frames)
        }
    }

    private func close(_ id: Int) {
        state.withLock { state in
            state.streams.removeValue(forKey: id)?.finish()
            if state.streams.isEmpty { state.pump?.cancel() }
        }
    }

    /// Ends every stream; the server is stopping.
    /// - Returns: what may still ask roles; when it has ended none is asked any more.
    func closeAll() -> Task<Void, Never>? {
        state.withLock { state in
            state.isClosed = true
            for continuation in state.streams.values { continuation.finish() }
            state.streams = [:]
            state.pump?.cancel()
            return state.pump
        }
    }

    /// - Parameter before: may still wait for a role.
    private func pump(after before: Task<Void, Never>?) async {
        await before?.value
        while !Task.isCancelled {
            let frame = await frame()
            for continuation in state.withLock({ Array($0.streams.values) }) { continuation.yield(frame) }
            try? await Task.sleep(for: LiveFeed.interval)
        }
    }

    private func frame() async -> ByteBuffer {
        let snapshot = await LiveSnapshot(pages, canAct: gate.hasToken)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        let json = (try? encoder.encode(snapshot)) ?? Data("{}".utf8)
        return ByteBuffer(string: "data: \(String(decoding: json, as: UTF8.self))\n\n")
    }
}
