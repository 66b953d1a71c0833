/// Compares what requests carry with the configured token.
struct BearerToken: Sendable {
    enum Verdict: Equatable { case right, wrong, missing }

    private let expected: [UInt8]

    init(_ secret: Secret) { expected = Array(secret.value.utf8) }

    /// - Parameter authorization: the value of the header `Authorization`.
    func verdict(on authorization: String?) -> Verdict {
        guard let authorization else { return .missing }
        let parts = authorization.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return .missing }
        return matches(Array(parts[1].utf8)) ? .right : .wrong
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
