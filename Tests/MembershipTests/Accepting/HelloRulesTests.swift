import Telemetry
import Testing
import Wire

@testable import Membership

/// The order of checks and the codes of protocol section 4.
@Suite struct HelloRulesTests {
    private func code(_ hello: Hello, _ rules: HelloRules = Known.rules()) -> Code? {
        do {
            _ = try rules.judge(hello)
            return nil
        } catch { return error.code }
    }

    private func service(_ claims: [Claim] = [], cluster: UInt32 = 1, node: UInt64 = 1, token: [UInt8] = Known.token) -> Hello {
        Hello(role: .service, cluster: cluster, node: node, claims: claims, token: token)
    }

    @Test("A wrong token is refused with 11, and its holder is told no more than the code's name")
    func wrongToken() {
        for token in ["", "secreT", "secre", "secrets", "secretsecret"] {
            let refusal = #expect(throws: Refusal.self) { try Known.rules().judge(service(token: Array(token.utf8))) }
            #expect(refusal?.code == .unauthorized && refusal?.reason == "unauthorized" && refusal?.breach == .token)
        }
    }

    @Test("A hub without credentials takes any token, and an empty token is a token like others")
    func openHub() {
        #expect(code(service(token: [1, 2]), Known.rules([.everything(token: nil)])) == nil)
        #expect(code(service(token: []), Known.rules([.everything(token: [7])])) == .unauthorized)
        #expect(code(service(token: [7, 7]), Known.rules([.everything(token: [7])])) == .unauthorized)
    }

    @Test("A role that this port does not take is refused with 11 before its values are looked at")
    func rolePerPort() {
        let edges = Known.rules(roles: [.edge])
        let refusal = #expect(throws: Refusal.self) { try edges.judge(service(node: 0)) }
        #expect(refusal?.code == .unauthorized && refusal?.breach == .credential)
        #expect(refusal?.reason.contains("edge") == true)
        var unknown = service()
        unknown.role = 77
        #expect(code(unknown) == .unauthorized)
        #expect(code(service(node: 0, token: []), edges) == .unauthorized)
    }

    @Test("Values that cannot be are refused with 9")
    func values() {
        #expect(code(service([Claim(5, 4)])) == .badRequest)
        #expect(code(service([Claim(0, 0xFEFF)])) == nil)
        #expect(code(service([Claim(0, 0xFF00)])) == .badRequest)
        #expect(code(service(node: 0)) == .badRequest)
        #expect(code(service(cluster: 0)) == nil)
        let edge = { (cluster: UInt32, node: UInt64, claims: [Claim]) in
            Hello(role: .edge, cluster: cluster, node: node, claims: claims, token: Known.token)
        }
        #expect(code(edge(1, 7, [])) == nil)
        #expect(code(edge(0, 7, [])) == .badRequest)
        #expect(code(edge(1, 0, [])) == .badRequest)
        #expect(code(edge(1, 0xFFFF_FFFF, [])) == .badRequest)
        #expect(code(edge(1, 1 << 32, [])) == .badRequest)
        #expect(code(edge(1, 7, [Claim(1, 1)])) == .badRequest)
        #expect(code(Hello(role: .caller, node: 9, claims: [Claim(1, 1)], token: Known.token)) == .badRequest)
        #expect(code(Hello(role: .agent, node: 9, claims: [Claim(1, 0xFFFF_FFFF)], token: Known.token)) == nil)
    }

    @Test("What a join entry does not allow is refused with 11: role, cluster, node, claim")
    func joinList() throws {
        let entry = JoinEntry(
            token: Known.token, role: .service, clusters: Ranges(1...2), nodes: Ranges(1...99), claims: Ranges(100...199), may: [.kick])
        let rules = Known.rules([entry, .everything(token: [9])])
        let good = try rules.judge(service([Claim(100, 150), Claim(160, 199)], cluster: 2, node: 99))
        #expect(good.identity == .service(cluster: 2, node: 99) && good.may == [.kick] && good.credential == 0)
        #expect(code(service([Claim(100, 200)]), rules) == .unauthorized)
        #expect(code(service([Claim(99, 100)]), rules) == .unauthorized)
        #expect(code(service(cluster: 3), rules) == .unauthorized)
        #expect(code(service(cluster: 0), rules) == .unauthorized)
        #expect(code(service(node: 100), rules) == .unauthorized)
        #expect(code(Hello(role: .edge, cluster: 1, node: 1, token: Known.token), rules) == .unauthorized)
        // Values are judged before the list.
        #expect(code(service([Claim(200, 100)]), rules) == .badRequest)
        // Another credential has its own rights.
        #expect(try rules.judge(service(cluster: 3, token: [9])).credential == 1)
    }

    @Test("S26: in another list an entry is the same credential while its token and certificate are, and no number is used again")
    func otherList() throws {
        func rules(_ old: HelloRules, _ tokens: [UInt8]...) -> HelloRules {
            HelloRules(old, joinList: JoinList(tokens.map { .everything(token: $0) }))
        }
        func credential(_ rules: HelloRules, _ token: UInt8) -> Int? { try? rules.judge(service(token: [token])).credential }
        let first = Known.rules([.everything(token: [1]), .everything(token: [2])])
        let moved = rules(first, [3], [2], [1])
        #expect([1, 2, 3].map { credential(moved, $0) } == [0, 1, 2])
        let fewer = rules(moved, [2])
        #expect([1, 2, 3].map { credential(fewer, $0) } == [nil, 1, nil])
        #expect([1, 2, 3].map { credential(rules(fewer, [1], [2], [3]), $0) } == [3, 1, 4])
        // What the same credential may say is the new list's word.
        let strict = HelloRules(first, joinList: JoinList([JoinEntry(token: [1], may: [.kick])]))
        #expect(try strict.judge(service(token: [1])).may == [.kick])
        let certificate = HelloRules(first, joinList: JoinList([JoinEntry(token: nil, certificate: "edge-1", may: .all)]))
        #expect(try certificate.judge(service(token: [1]), certificateNames: ["edge-1"]).credential == 2)
    }

    @Test("An agent's window of 0 is 65,536")
    func window() throws {
        #expect(try Known.rules().judge(Hello(role: .agent, node: 3, token: Known.token)).window == 65_536)
        #expect(try Known.rules().judge(Hello(role: .agent, node: 3, window: 5, token: Known.token)).window == 5)
    }
}
