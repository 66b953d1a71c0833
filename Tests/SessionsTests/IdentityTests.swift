import Testing
import Wire

@testable import Sessions

/// Who a client may claim to be: every combination.
@Suite("Identity")
struct IdentityTests {
    private enum Claim: CaseIterable { case blank, own, foreignUser, foreignToken, userAlone, tokenAlone }

    private static let user: UInt64 = 42
    private static let token: UInt32 = 0xBEEF

    private func header(_ claim: Claim) -> PacketHeader {
        let (user, token): (UInt64, UInt32) =
            switch claim {
            case .blank: (0, 0)
            case .own: (IdentityTests.user, IdentityTests.token)
            case .foreignUser: (7, IdentityTests.token)
            case .foreignToken: (IdentityTests.user, 7)
            case .userAlone: (IdentityTests.user, 0)
            case .tokenAlone: (0, IdentityTests.token)
            }
        return PacketHeader(bodyCount: 3, type: 9, user: user, token: token, es: 1, session: 77)
    }

    private func bound() -> Identity {
        var identity = Identity()
        identity.bind(user: IdentityTests.user, token: IdentityTests.token)
        return identity
    }

    @Test("S9: before BIND public types pass with 0 for both, others are refused", arguments: Identity.Verify.allCases)
    func unbound(verify: Identity.Verify) {
        for claim in Claim.allCases {
            var header = header(claim)
            #expect(Identity().stamp(&header, verify: verify, passes: false, isPublic: true) == .pass)
            #expect(header == self.header(.blank), "\(claim)")
            #expect(Identity().stamp(&header, verify: verify, passes: false, isPublic: false) == .refuse)
        }
    }

    @Test("S9: where an unbound claim is let through, it goes through as sent")
    func passing() {
        for claim in Claim.allCases {
            var header = header(claim)
            #expect(Identity().stamp(&header, verify: .pass, passes: true, isPublic: true) == .pass)
            #expect(header == self.header(claim))
            #expect(Identity().stamp(&header, verify: .pass, passes: true, isPublic: false) == .refuse)
        }
    }

    @Test("S9: after BIND 0 for both and the bound pair carry the bound pair, whatever the type", arguments: Identity.Verify.allCases)
    func boundPair(verify: Identity.Verify) {
        for claim in [Claim.blank, .own] {
            for passes in [false, true] {
                for isPublic in [false, true] {
                    var header = header(claim)
                    #expect(bound().stamp(&header, verify: verify, passes: passes, isPublic: isPublic) == .pass)
                    #expect(header == self.header(.own))
                }
            }
        }
    }

    @Test("S9: after BIND any other pair closes, or is overwritten with verify: stamp", arguments: Identity.Verify.allCases)
    func foreignPair(verify: Identity.Verify) {
        for claim in [Claim.foreignUser, .foreignToken, .userAlone, .tokenAlone] {
            for passes in [false, true] {
                for isPublic in [false, true] {
                    var header = header(claim)
                    let verdict = bound().stamp(&header, verify: verify, passes: passes, isPublic: isPublic)
                    #expect(verdict == (verify == .stamp ? .pass : .close), "\(claim)")
                    if verify == .stamp { #expect(header == self.header(.own)) }
                }
            }
        }
    }

    @Test("S9: a later BIND replaces the pair; user 0 unbinds, token and all")
    func rebinding() {
        var identity = bound()
        identity.bind(user: 9, token: 1)
        #expect(identity.isBound && identity.user == 9 && identity.token == 1)
        var header = header(.own)
        #expect(identity.stamp(&header, verify: .strict, passes: false, isPublic: true) == .close)
        identity.bind(user: 0, token: 5)
        #expect(!identity.isBound && identity.user == 0 && identity.token == 0)
        identity.bind(user: 3, token: 0)
        header = self.header(.blank)
        #expect(identity.stamp(&header, verify: .strict, passes: false, isPublic: false) == .pass)
        #expect(header.user == 3 && header.token == 0)
    }
}
