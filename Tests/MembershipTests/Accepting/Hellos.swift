import Wire

@testable import Membership

/// Common parts of these tests.
enum Known {
    static let token = Array("secret".utf8)

    static func rules(_ entries: [JoinEntry]? = nil, roles: Set<Role> = [.edge, .service, .caller, .agent]) -> HelloRules {
        HelloRules(roles: roles, joinList: JoinList(entries ?? [.everything(token: token)]))
    }

    static func member(_ identity: MemberIdentity, cluster: UInt32 = 1, flags: Hello.Flags = [], credential: Int = 0) -> Member {
        Member(identity: identity, cluster: cluster, flags: flags, window: 65_536, claims: [], credential: credential, may: .all, name: "")
    }
}

extension Ranges {
    init(_ ranges: ClosedRange<UInt64>...) { self.init(ranges) }
}
