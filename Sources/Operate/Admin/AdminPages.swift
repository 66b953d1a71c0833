import Foundation
import Hummingbird
import NIOCore
import Telemetry

/// What the admin server shows. Roles are asked at the same moment and answer on their own loops; only the page that asks waits for them.
struct AdminPages: Sendable {
    let roles: [any Inspectable]
    let state: ProcessState
    let control: ProcessControl
    /// The loops that packets go through.
    let loops: [any EventLoop]

    /// The process lives, or no one would answer.
    func health(_: AdminCall) async -> Response { .line("ok") }

    /// Whether to send traffic here.
    func readiness(_: AdminCall) async -> Response {
        switch state.phase {
        case .starting: return .line("starting", status: .serviceUnavailable)
        case .draining, .stopped: return .line("draining", status: .serviceUnavailable)
        case .serving: break
        }
        if state.isOutOfRotation { return .line("out of rotation", status: .serviceUnavailable) }
        let states = await ask { await $0.status().state }.map(ProcessState.Phase.init)
        if states.allSatisfy({ $0 == .serving }) { return .line("ready") }
        let isLeaving = states.contains { $0 == .draining || $0 == .stopped }
        return .line(isLeaving ? "draining" : "starting", status: .serviceUnavailable)
    }

    func metrics(_: AdminCall) async -> Response {
        .text(PrometheusText.render(await samples()), type: PrometheusText.contentType)
    }

    /// Every number of the process.
    func samples() async -> [Sample] {
        await ask { await $0.samples() }.joined() + loopDelays()
            + [Sample(.buildInfo, Build.version, value: 1)] + reloads
    }

    /// Version 1 is the configuration of the start.
    private var reloads: [Sample] {
        let reloads = state.configurationReloads
        return [
            Sample(.configVersion, value: 1 + reloads.takenOver), Sample(.configReloads, "ok", value: reloads.takenOver),
            Sample(.configReloads, "refused", value: reloads.refused),
        ]
    }

    /// How long each loop took to come to us: a packet that comes now waits as long.
    private func loopDelays() async -> [Sample] {
        let delays = loops.map { loop in
            let asked = NIODeadline.now()
            return loop.submit { Int((NIODeadline.now() - asked).nanoseconds / 1000) }
        }
        var samples: [Sample] = []
        for (index, delay) in delays.enumerated() {
            if let delay = try? await delay.get() { samples.append(Sample(.loopDelay, "\(index)", value: delay)) }
        }
        return samples
    }

    func status(_: AdminCall) async -> Response { .json(await status()) }

    func status() async -> AdminStatus {
        AdminStatus(
            name: state.name, version: Build.version, uptimeSeconds: Int(state.uptime.components.seconds), state: state.phase,
            roles: await ask { await $0.status() })
    }

    /// Asks every role at once; answers are in the order of the roles.
    func ask<Answer: Sendable>(_ question: @escaping @Sendable (any Inspectable) async -> Answer) async -> [Answer] {
        await withTaskGroup(of: (Int, Answer).self) { group in
            for (index, role) in roles.enumerated() { group.addTask { (index, await question(role)) } }
            return await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }
}

extension Response {
    /// A value for machines, and for people who look.
    static func json(_ value: some Encodable) -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        guard let json = try? encoder.encode(value) else { return .line("this cannot be shown as JSON", status: .internalServerError) }
        return .text(String(decoding: json, as: UTF8.self) + "\n", type: "application/json")
    }

    /// One line for people.
    static func line(_ line: String, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) -> Response {
        text(line + "\n", status: status, type: "text/plain; charset=utf-8", headers: headers)
    }

    static func text(_ text: String, status: HTTPResponse.Status = .ok, type: String, headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = type
        // Every answer is about this moment, and none is a page that a browser should guess the kind of.
        headers[.cacheControl] = "no-store"
        headers[.xContentTypeOptions] = "nosniff"
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}
