import NIOCore
import Testing
import Wire

@testable import Membership

@Suite final class RegistryTests {
    private var registry = Registry<String>()
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    private func accept(_ member: Member, _ endpoint: String, after: TimeAmount = .zero) -> (id: MemberID, displaced: String?)? {
        guard case .accepted(let id, let displaced) = registry.register(member, endpoint: endpoint, now: start + after) else { return nil }
        return (id, displaced?.endpoint)
    }

    private func refusal(_ member: Member, after: TimeAmount = .zero) -> Code? {
        guard case .refused(let refusal) = registry.register(member, endpoint: "new", now: start + after) else { return nil }
        return refusal.code
    }

    @Test("S11: the newest wins, and the link that it displaces is named")
    func newestWins() throws {
        let first = try #require(accept(Known.member(.edge(7)), "first"))
        let second = try #require(accept(Known.member(.edge(7)), "second"))
        #expect(first.displaced == nil && second.displaced == "first")
        #expect(registry[first.id] == nil && registry[second.id]?.endpoint == "second")
        #expect(registry.count == 1)
    }

    @Test("S11: removal compares the generation, so a late clean-up leaves the new registration alone")
    func compareAndRemove() throws {
        let first = try #require(accept(Known.member(.edge(7)), "first"))
        let second = try #require(accept(Known.member(.edge(7)), "second"))
        #expect(registry.remove(first.id) == false)
        #expect(registry[second.id] != nil)
        #expect(registry.remove(second.id) == true)
        #expect(registry.remove(second.id) == false)
        let third = try #require(accept(Known.member(.edge(7)), "third"))
        #expect(third.id.slot == second.id.slot && third.id.generation > second.id.generation)
    }

    @Test("S11: another cluster or credential is refused with 11, and the live link stays")
    func otherCredential() throws {
        let first = try #require(accept(Known.member(.edge(7), cluster: 1), "first"))
        #expect(refusal(Known.member(.edge(7), cluster: 2)) == .unauthorized)
        #expect(refusal(Known.member(.edge(7), cluster: 1, credential: 1)) == .unauthorized)
        #expect(registry[first.id] != nil)
        // A service of another cluster is someone else.
        _ = try #require(accept(Known.member(.service(cluster: 1, node: 7)), "a"))
        #expect(try #require(accept(Known.member(.service(cluster: 2, node: 7), cluster: 2), "b")).displaced == nil)
    }

    @Test("S11: a polite HELLO never takes over")
    func polite() throws {
        let polite = Known.member(.edge(7), flags: .polite)
        let first = try #require(accept(polite, "first"))
        #expect(refusal(polite) == .takenOver)
        #expect(registry[first.id] != nil)
        #expect(registry.remove(first.id) == true)
        _ = try #require(accept(polite, "second"))
    }

    @Test("S11: the fourth take-over within 30 s is refused with 3, and one is allowed again when the first is 30 s old")
    func fourthTakeover() throws {
        let member = Known.member(.edge(7))
        for step in 0...3 { _ = try #require(accept(member, "\(step)", after: .seconds(Int64(step)))) }
        #expect(refusal(member, after: .seconds(4)) == .busy)
        #expect(refusal(member, after: .milliseconds(30_999)) == .busy)
        #expect(try #require(accept(member, "later", after: .seconds(31))).displaced == "3")
        #expect(refusal(member, after: .seconds(31)) == .busy)
        // Others are not concerned.
        _ = try #require(accept(Known.member(.edge(8)), "a", after: .seconds(4)))
        #expect(try #require(accept(Known.member(.edge(8)), "b", after: .seconds(4))).displaced == "a")
    }

    @Test("S11: take-overs are counted across removals")
    func countedAcrossRemoval() throws {
        let member = Known.member(.edge(7))
        for step in 0...3 { _ = try #require(accept(member, "\(step)", after: .seconds(1))) }
        let last = try #require(registry.live.first { $0.member.identity == .edge(7) })
        #expect(registry.remove(last.id) == true)
        _ = try #require(accept(member, "again", after: .seconds(2)))
        #expect(refusal(member, after: .seconds(2)) == .busy)
    }

    @Test("A hub that is leaving takes no one new, with 4")
    func draining() throws {
        let first = try #require(accept(Known.member(.edge(7)), "first"))
        registry.isDraining = true
        #expect(refusal(Known.member(.edge(8))) == .draining)
        // The later check comes last: who is not entitled hears that first.
        #expect(refusal(Known.member(.edge(7), credential: 1)) == .unauthorized)
        #expect(registry[first.id] != nil)
    }

    @Test("A later HELLO replaces what was said before, and returns a draining member to work")
    func update() throws {
        var member = Known.member(.service(cluster: 1, node: 5))
        let id = try #require(accept(member, "link")).id
        #expect(registry.drain(id) == true)
        #expect(registry[id]?.isDraining == true)
        member.claims = [Claim(1, 2)]
        #expect(registry.update(id, to: member) == true)
        #expect(registry[id]?.isDraining == false && registry[id]?.member.claims == [Claim(1, 2)])
        #expect(registry.remove(id) == true)
        #expect(registry.update(id, to: member) == false)
        #expect(registry.drain(id) == false)
    }

    @Test("A slot is used again, its number is not")
    func slots() throws {
        let ids = try (1...3).map { try #require(accept(Known.member(.edge(UInt32($0))), "\($0)")).id }
        #expect(ids.map(\.slot) == [0, 1, 2])
        #expect(registry.remove(ids[1]) == true)
        let next = try #require(accept(Known.member(.edge(9)), "9")).id
        #expect(next.slot == 1 && next != ids[1] && registry[ids[1]] == nil)
    }
}
