import Links
import Membership
import Wire

/// `token:`, `join:` and `insecure:` of a hub of either wire: who may register, and as what.
struct JoinSection {
    /// Stands in for an address that is missing, which was reported.
    static let nowhere = Endpoint.host("localhost", port: 0)

    let list: JoinList
    let insecure: Bool

    /// - Parameter claims: the key under which an entry limits claims: types, or rpcIDs.
    init(reading section: SectionReader, claims: String) {
        insecure = section.value("insecure", .flag, default: false)
        let token = section.optional("token", section.secrets.grammar)
        let entries = section.sections("join") { JoinSection.entry($0, claims: claims) }
        if section.has("token"), section.has("join") { section.refuse("join", "a hub has either `token` or `join`, not both") }
        if section.has("join") {
            list = JoinList(entries.map(\.entry))
            JoinSection.checkTokens(entries)
        } else {
            list = JoinList([.everything(token: token.map { Array($0.value.utf8) })])
        }
    }

    private static func entry(_ section: SectionReader, claims: String) -> (entry: JoinEntry, section: SectionReader) {
        let certificate = section.optional("certificate", .label(maxBytes: 253))
        let token = section.optional("token", section.secrets.grammar)
        if section.has("certificate") {
            section.refuse("token", "an entry has either `token` or `certificate`, not both")
        } else if !section.has("token") {
            section.fail("token", "is missing; needs env:NAME or file:PATH, or `certificate: NAME`")
        }
        var entry = JoinEntry(token: Array((token?.value ?? "").utf8), certificate: certificate)
        entry.role = section.optional("role", .role)
        entry.clusters = section.numbers("clusters", in: 0...UInt64(UInt32.max))
        entry.nodes = section.numbers("nodes", in: 1...UInt64.max)
        entry.claims = section.numbers(claims, in: 0...(claims == "types" ? UInt64(PacketHeader.firstControlType) - 1 : UInt64(UInt32.max)))
        for permission in section.list("may", .permission) ?? [] { entry.may.insert(permission.element) }
        return (entry, section)
    }

    /// The entry is the credential, so a token stands for one.
    private static func checkTokens(_ entries: [(entry: JoinEntry, section: SectionReader)]) {
        for (index, item) in entries.enumerated() where entries[..<index].contains(where: { $0.entry.token == item.entry.token }) {
            if item.entry.certificate == nil, item.entry.token?.isEmpty == false {
                item.section.fail("token", "is the token of an earlier entry too; tokens must differ")
            }
        }
    }

    /// Who can reach a hub must show a token, or the operator says that anyone may (config, "A hub without").
    func check(_ listeners: [(listen: Endpoint, options: ListenerOptions)], in section: SectionReader) {
        if list.entries.contains(where: { $0.certificate != nil }), !listeners.contains(where: { $0.options.tls?.clients != nil }) {
            section.fail("join", "an entry says `certificate`, but no listener asks for one; add `tls: { ..., clients: CA }` to it")
        }
        guard let open = listeners.map(\.listen).first(where: { !$0.isLoopback }) else { return }
        if list.entries.contains(where: { $0.token == nil }) {
            guard !insecure else {
                return section.warn("insecure", "anyone who can reach \(open) may register as anything")
            }
            section.fail(
                "token",
                "is missing: anyone who can reach \(open) could register as anything; add `token: env:NAME` or `join`, or say `insecure: true`")
        } else if let clear = listeners.first(where: { !$0.listen.isLoopback && $0.options.tls == nil })?.listen {
            section.warn("token", "travels in clear to \(clear), which can be reached from other machines; keep that network private")
        }
    }
}

extension Grammar where T == UInt64 {
    /// A number that names something: any but 0.
    static var identifier: Grammar {
        Grammar(expected: "a number") { scalar throws(Misfit) in
            let text = scalar.text
            let value = text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
            guard scalar.isPlain, let value, value > 0 else { throw Misfit("\(text.quoted) is not an id; use 1 to \(UInt64.max)") }
            return value
        }
    }
}

extension Grammar where T == ClosedRange<UInt64> {
    /// `7` or `1-99`.
    static func numbers(in range: ClosedRange<UInt64>) -> Grammar {
        Grammar(expected: "a number or a range") { scalar throws(Misfit) in
            let parts = scalar.text.split(separator: "-", omittingEmptySubsequences: false)
            let values = parts.compactMap { part in part.allSatisfy { $0.isASCII && $0.isNumber } ? UInt64(part) : nil }
            guard scalar.isPlain, values.count == parts.count, 1...2 ~= parts.count, let low = values.first, let high = values.last else {
                throw Misfit("\(scalar.text.quoted) is not a number or range, as in 7 or 1-99")
            }
            guard low <= high else { throw Misfit("\(scalar.text) runs backwards; use \(high)-\(low)") }
            guard range.contains(low), range.contains(high) else {
                throw Misfit("\(scalar.text) is out of range; use \(range.lowerBound) to \(range.upperBound)")
            }
            return low...high
        }
    }
}

extension Grammar where T == Role {
    static var role: Grammar {
        Grammar(expected: "edge, service, caller or agent") { scalar throws(Misfit) in
            guard let role = Role.allCases.first(where: { "\($0)" == scalar.text }) else {
                throw Misfit("\(scalar.text.quoted) is not a role; use edge, service, caller or agent")
            }
            return role
        }
    }
}

extension Grammar where T == JoinEntry.Permissions {
    static var permission: Grammar {
        Grammar(expected: "kick, bind or multicast") { scalar throws(Misfit) in
            switch scalar.text {
            case "kick": .kick
            case "bind": .bind
            case "multicast": .multicast
            default: throw Misfit("\(scalar.text.quoted) is not a permission; use kick, bind or multicast")
            }
        }
    }
}

extension SectionReader {
    /// `7`, `1-99` or a list of those; nil if it is absent or wrong.
    func numbers(_ key: String, in range: ClosedRange<UInt64>) -> Ranges? {
        list(key, .numbers(in: range), orSingle: true).map { Ranges($0.map(\.element)) }
    }
}
