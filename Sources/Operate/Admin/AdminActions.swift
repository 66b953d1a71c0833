import Foundation
import Hummingbird
import Logging
import Telemetry
import Wire

/// What operators do through the admin server. Every attempt that got past the guard leaves one line in the log, whatever its level.
struct AdminActions: Sendable {
    let roles: [any Inspectable]
    let state: ProcessState
    let control: ProcessControl
    private let audit: Logger

    init(roles: [any Inspectable], state: ProcessState, control: ProcessControl, logger: Logger) {
        self.roles = roles
        self.state = state
        self.control = control
        var audit = logger
        audit.logLevel = .notice
        self.audit = audit
    }

    /// One line in the log for what someone did.
    func record(_ call: AdminCall, _ outcome: String) { audit.notice("audit: \(call.remote) \(call.method) \(call.target): \(outcome)") }

    private func done(_ call: AdminCall, _ line: String, status: HTTPResponse.Status = .ok) -> Response {
        record(call, line)
        return .line(line, status: status)
    }

    func drain(_ call: AdminCall) async -> Response {
        guard call["leave"] == "true" else {
            state.isOutOfRotation = true
            return done(call, "out of rotation: /readyz says so, and everything is served as before; /undrain ends it")
        }
        control.leave()
        return done(call, "leaving in order, as after SIGTERM")
    }

    func undrain(_ call: AdminCall) async -> Response {
        guard state.phase == .serving else { return done(call, "the process is \(state.phase); there is no way back", status: .conflict) }
        state.isOutOfRotation = false
        return done(call, "back in rotation")
    }

    func reload(_ call: AdminCall) async -> Response {
        let complaints = await control.reload()
        guard !complaints.isEmpty else { return done(call, "configuration reloaded") }
        record(call, "refused")
        return .line(complaints.joined(separator: "\n"), status: .conflict)
    }

    func kick(_ call: AdminCall) async -> Response {
        let session = call["session"].map { UInt64($0) }
        let user = call["user"].map { UInt64($0) }
        guard (session == nil) != (user == nil), session != .some(nil), user != .some(nil) else {
            return done(call, "give session=NUMBER or user=NUMBER", status: .badRequest)
        }
        guard let code = call["code"].map({ name in Code.allCases.first { $0.name == name } }) ?? .cancelled else {
            return done(call, "code is one of \(Code.allCases.map(\.name).joined(separator: ", "))", status: .badRequest)
        }
        let reason = String((call["reason"] ?? code.name).prefix(200))
        return await perform(
            .kick(session: session ?? nil, user: user ?? nil, code: code, reason: reason), call, absent: "no such session here", did: "kicked")
    }

    func closeLink(_ call: AdminCall) async -> Response {
        guard let id = UInt64(call.parameter) else { return done(call, "a link's id is a number of /links", status: .badRequest) }
        return await perform(.closeLink(id), call, absent: "no such link", did: "closed")
    }

    func disable(_ call: AdminCall) async -> Response {
        await perform(.disable(address: call.parameter), call, absent: "no such upstream; see /routes and /pools", did: "disabled connections:")
    }

    func enable(_ call: AdminCall) async -> Response {
        await perform(.enable(address: call.parameter), call, absent: "no such upstream; see /routes and /pools", did: "enabled connections:")
    }

    private func perform(_ command: RoleCommand, _ call: AdminCall, absent: String, did: String) async -> Response {
        var count = 0
        for role in roles { count += await role.perform(command) }
        return count == 0 ? done(call, absent, status: .notFound) : done(call, "\(did) \(count)")
    }
}
