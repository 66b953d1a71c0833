import Foundation

/// Compares what requests carry with the configured token.
struct BearerToken: Sendable {
    enum Verdict: Equatable { case right, wrong, missing }

    private let expected: [UInt8]

    init(_ secret: Secret) { expected = Array(secret.value.utf8) }

    /// - Parameters:
    ///   - authorization: the value of the header `Authorization`.
    ///   - mayBeBasic: a browser that asked its user sends the token as the password of any user.
    func verdict(on authorization: String?, mayBeBasic: Bool = false) -> Verdict {
        guard let authorization else { return .missing }
        let parts = authorization.split(separator: " ", maxSplits: 1)
        guard parts.count == 2 else { return .missing }
        switch parts[0].lowercased() {
        case "bearer": return matches(Array(parts[1].utf8)) ? .right : .wrong
        case "basic" where mayBeBasic:
            guard let pair = Data(base64Encoded: String(parts[1])), let colon = pair.firstIndex(of: UInt8(ascii: ":")) else { return .missing }
            return matches(Array(pair[(colon + 1)...])) ? .right : .wrong
        default: return .missing
        }
    }

    /// Takes as long for a token that is wrong in its first byte as for one that is wrong in its last: the time depends on what was offered alone,
    /// so that it cannot be used to guess the token byte by byte.
    private func matches(_ offered: [UInt8]) -> Bool {
        guard !expected.isEmpty else { return false }
        var difference = offered.count ^ expected.count
        for (index, byte) in offered.enumerated() { difference |= Int(byte ^ expected[index % expected.count]) }
        return difference == 0
    }
}
