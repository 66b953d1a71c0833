import ArgumentParser
import Foundation
import Links
import NIOCore
import Operate

/// Where the admin server of a running process is, and how to be let in.
struct AdminOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The admin server: host:port, [v6]:port or unix:/path.", valueName: "address"))
    var admin = Endpoint.host("127.0.0.1", port: 9090)

    @Option(
        help: ArgumentHelp(
            "Where the admin token is: env:NAME or file:PATH. Absent: env:ADMIN_TOKEN, if it is set.", valueName: "source"))
    var token: String?

    @OptionGroup(title: "TLS") var tls: TLSOptions

    /// - Throws: one clear line when the source that was named has no token.
    func secret() throws -> String? {
        guard let token else { return ProcessInfo.processInfo.environment["ADMIN_TOKEN"] }
        if let name = token.after("env:") {
            guard let value = ProcessInfo.processInfo.environment[name], !value.isEmpty else {
                throw ValidationError("--token: the environment variable \(name) is not set")
            }
            return value
        }
        guard let path = token.after("file:") else { throw ValidationError("--token is env:NAME or file:PATH, never the token itself") }
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { throw ValidationError("--token: \(path) cannot be read") }
        return text.withoutLastLineBreaks
    }

    /// Sends one request and gives each piece of the answer to `take`; ends with the answer, when `take` returns false, or at
    /// Ctrl-C.
    func request(_ method: String, _ path: String, _ take: @escaping @Sendable (ByteBuffer) throws -> Bool) async throws {
        let token = try secret()
        let admin = admin
        do {
            let security = try tls.settings.map { try DialerSecurity($0, logger: nil) }
            try await interruptible { try await AdminConnection.request(method, path, at: admin, security, token: token, take) }
        } catch is CancellationError {
            return
        } catch let error as TLSFileError {
            Terminal.tell("\(error)")
            throw ExitCode(1)
        } catch let failure as AdminConnection.Insecure {
            Terminal.tell("\(admin): \(failure.reason)")
            throw ExitCode(1)
        } catch let failure as AdminConnection.Refusal {
            Terminal.tell(failure.description)
            throw ExitCode(1)
        } catch let error as IOError {
            Terminal.tell("cannot reach \(admin): \(String(cString: strerror(error.errnoCode))); is `admin:` configured, and --admin right?")
            throw ExitCode(1)
        } catch {
            // A server that speaks something else, or wants a certificate: in TLS 1.3 that is told only when ours is through with the handshake.
            let why = describe(error)
            let isBare = tls.settings.map { $0.certificate == nil } ?? false
            let hint = isBare && !why.contains("certificate") ? "; it may want a certificate of ours: --tls-certificate, --tls-key" : ""
            Terminal.tell("\(admin): \(why)\(hint)")
            throw ExitCode(1)
        }
    }
}

extension String {
    fileprivate func after(_ prefix: String) -> String? { hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil }
}
