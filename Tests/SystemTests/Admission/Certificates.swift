import Foundation

/// A folder with an authority of the test's own, and certificates that it signs.
final class Certificates: Sendable {
    let folder: String

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("switchyard-tls-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try openssl(Certificates.newKey + ["-x509", "-keyout", path("ca.key"), "-out", path("ca.pem"), "-subj", "/CN=test authority", "-days", "2"])
    }

    private static let newKey = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]

    func path(_ name: String) -> String { "\(folder)/\(name)" }
    var authority: String { path("ca.pem") }
    func certificate(_ name: String) -> String { path("\(name).pem") }
    func key(_ name: String) -> String { path("\(name).key") }

    /// Makes `NAME.pem` and `NAME.key`.
    /// - Parameters:
    ///   - alternatives: what it is made out to, as openssl writes it: `DNS:localhost,IP:127.0.0.1`.
    ///   - days: from now; negative has expired.
    func make(_ name: String, common: String, alternatives: String, days: Int = 2) throws {
        try openssl(Certificates.newKey + ["-keyout", key(name), "-out", path("\(name).csr"), "-subj", "/CN=\(common)"])
        try Data("subjectAltName=\(alternatives)".utf8).write(to: URL(fileURLWithPath: path("\(name).ext")))
        try openssl([
            "x509", "-req", "-in", path("\(name).csr"), "-CA", authority, "-CAkey", path("ca.key"), "-CAcreateserial", "-out", certificate(name),
            "-days", "\(days)", "-extfile", path("\(name).ext"),
        ])
    }

    /// One that no authority signed.
    func makeSelfSigned(_ name: String) throws {
        try openssl(
            Certificates.newKey + [
                "-x509", "-keyout", key(name), "-out", certificate(name), "-subj", "/CN=localhost", "-addext",
                "subjectAltName=DNS:localhost,IP:127.0.0.1",
                "-days", "2",
            ])
    }

    private func openssl(_ arguments: [String]) throws {
        let child = try ChildProcess("openssl", arguments)
        defer { child.end() }
        guard try child.exitCode() == 0 else { throw Unmet("openssl \(arguments): \(child.errors)") }
    }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }
}

/// What `openssl s_client` made of a connection.
struct TLSAttempt {
    /// Hexadecimal.
    var answer: String
    var errors: String

    /// Connects, sends a PING of one body byte, and reads until something has come or the peer has closed.
    /// - Parameter options: of `openssl s_client`.
    init(port: UInt16, _ options: String) throws {
        // The PING: 29 bytes, kind 0xFF04.
        let ping = "\\x00\\x1d\\xff\\x04" + String(repeating: "\\x00", count: 24) + "\\x7e"
        let script = """
            coproc CLIENT { exec openssl s_client -connect 127.0.0.1:\(port) -quiet -verify_return_error \(options); }
            exec 3<&"${CLIENT[0]}" 4>&"${CLIENT[1]}"
            printf '\(ping)' >&4
            timeout -s KILL 8 head -c 29 <&3 | od -An -v -tx1 | tr -d ' \\n'
            kill -KILL "$CLIENT_PID" 2>/dev/null
            true
            """
        let child = try ChildProcess("bash", ["-c", script])
        defer { child.end() }
        _ = try child.exitCode(within: .seconds(12))
        answer = child.output.joined()
        errors = child.errors.joined(separator: "\n")
    }

    /// The PONG came back.
    var isServed: Bool { answer.hasPrefix("001dff05") && answer.hasSuffix("7e") }
}
