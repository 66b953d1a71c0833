import Foundation
import Hummingbird
import NIOCore
import Synchronization
import Telemetry

/// `/trace` and `/capture`: lets a tap hear the links of every role for a while, and streams what it has to say.
final class TapStreams: Sendable {
    /// Streams at once: each costs the loops some time.
    static let maxStreams = 2
    static let seconds = 1...300
    static let defaultSeconds = 30
    /// Bytes of one capture.
    static let captureBytes = 1024...(1 << 30)
    static let defaultCaptureBytes = 64 << 20
    /// Lines of one trace.
    static let traceLines = 10_000

    private let roles: [any Inspectable]
    private let actions: AdminActions
    private let open = Mutex<[UInt64: TapOutput]>([:])
    private let ids = Atomic<UInt64>(0)

    init(roles: [any Inspectable], actions: AdminActions) {
        self.roles = roles
        self.actions = actions
    }

    func trace(_ call: AdminCall) async -> Response {
        let session = call["session"].flatMap { UInt64($0) }
        let user = call["user"].flatMap { UInt64($0) }
        guard (session == nil) != (user == nil) else { return .line("give session=NUMBER or user=NUMBER", status: .badRequest) }
        guard let seconds = TapStreams.seconds(call) else { return TapStreams.badSeconds }
        let output = TapOutput(most: TapOutput.traceBytes)
        let tap = TraceTap(session: session, user: user, lines: TapStreams.traceLines, output: output)
        return stream(tap, output, seconds: seconds, call, type: "text/plain; charset=utf-8")
    }

    func capture(_ call: AdminCall) async -> Response {
        guard let seconds = TapStreams.seconds(call) else { return TapStreams.badSeconds }
        let bytes = call["bytes"].map { Int($0) ?? 0 } ?? TapStreams.defaultCaptureBytes
        guard TapStreams.captureBytes.contains(bytes) else {
            return .line("bytes is a number from \(TapStreams.captureBytes.lowerBound) to \(TapStreams.captureBytes.upperBound)", status: .badRequest)
        }
        let output = TapOutput(most: bytes)
        let tap = CaptureTap(side: call["side"], output: output)
        return stream(tap, output, seconds: seconds, call, type: "application/x-pcapng")
    }

    private static func seconds(_ call: AdminCall) -> Int? {
        let value = call["seconds"].map { Int($0) ?? 0 } ?? defaultSeconds
        return seconds.contains(value) ? value : nil
    }

    private static var badSeconds: Response {
        .line("seconds is a number from \(seconds.lowerBound) to \(seconds.upperBound)", status: .badRequest)
    }

    private func stream(_ tap: any StreamTap, _ output: TapOutput, seconds: Int, _ call: AdminCall, type: String) -> Response {
        let id = ids.wrappingAdd(1, ordering: .relaxed).newValue
        let isAdmitted = open.withLock { open in
            guard open.count < TapStreams.maxStreams else { return false }
            open[id] = output
            return true
        }
        guard isAdmitted else {
            actions.record(call, "refused: \(TapStreams.maxStreams) are running")
            return .line("\(TapStreams.maxStreams) traces or captures are running; wait for one to end", status: .serviceUnavailable)
        }
        actions.record(call, "started, for at most \(seconds) s")
        let body = ResponseBody { [self] writer in
            let timer = Task {
                try await Task.sleep(for: .seconds(seconds))
                output.finish()
            }
            for role in roles { await role.tap(id, tap) }
            do {
                for await bytes in output.chunks {
                    output.taken(bytes.readableBytes)
                    try await writer.write(bytes)
                }
                try await writer.finish(nil)
            } catch {
                output.finish()
            }
            timer.cancel()
            for role in roles { await role.untap(id) }
            _ = open.withLock { $0.removeValue(forKey: id) }
        }
        return Response(status: .ok, headers: [.contentType: type, .cacheControl: "no-store", .xContentTypeOptions: "nosniff"], body: body)
    }

    /// Ends every stream; the server is stopping.
    func closeAll() {
        for output in open.withLock({ Array($0.values) }) { output.finish() }
    }
}
