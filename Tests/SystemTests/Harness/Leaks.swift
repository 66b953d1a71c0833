import Foundation
import Synchronization
import Testing

/// Searches everything that a test run prints for the secrets that its processes were given: each line of each process, each answer of an admin server.
enum Leaks {
    struct Secret: Sendable {
        let name: String
        let value: [UInt8]
    }

    /// All that were given to a process so far, for what is not a process's own line.
    private static let known = Mutex<[String: Secret]>([:])
    private static let count = Atomic<Int>(0)
    /// Variables of a process's environment that hold no secret.
    private static let open: Set = [
        "NOTIFY_SOCKET", "SWITCHYARD_BINARY", "LD_PRELOAD", "FAKETIME_TIMESTAMP_FILE", "FAKETIME_NO_CACHE", "FAKETIME_DONT_FAKE_MONOTONIC",
        "DONT_FAKE_MONOTONIC",
    ]

    /// Lines and answers that were looked at.
    static var searched: Int { count.load(ordering: .relaxed) }

    static func secrets(in environment: [String: String]) -> [Secret] {
        environment.filter { !open.contains($0.key) }.map { Secret(name: $0.key, value: Array($0.value.utf8)) }
    }

    /// From here on these must not be printed by anyone.
    static func remember(_ secrets: [Secret]) {
        known.withLock { known in for secret in secrets { known[secret.name + "=" + String(decoding: secret.value, as: UTF8.self)] = secret } }
    }

    /// Fails the test run over a secret; the failure names it and does not say it.
    static func search(_ bytes: [UInt8], of what: @autoclosure () -> String) {
        count.wrappingAdd(1, ordering: .relaxed)
        let secrets = known.withLock { Array($0.values) }
        for secret in secrets where bytes.firstRange(of: secret.value) != nil {
            Issue.record("\(what()) printed the secret \(secret.name)")
        }
    }

    /// The name of the first secret that stands in a text.
    static func found(_ secrets: [Secret], in text: String) -> String? {
        let bytes = Array(text.utf8)
        return secrets.first { bytes.firstRange(of: $0.value) != nil }?.name
    }
}
