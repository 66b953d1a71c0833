import TestSupport
import Testing

@testable import Routing

@Suite("Choosing a hub")
struct HubChoiceTests {
    private func choice(_ reaches: [HubChoice<String>.Reach], dense: Int = 0) -> HubChoice<String> {
        var choice = HubChoice<String>(denseTargets: dense)
        for (index, reach) in reaches.enumerated() {
            _ = choice.welcome("hub \(index)", id: UInt64(100 + index), rank: index)
            choice.reach(reach, rank: index)
        }
        return choice
    }

    @Test("S30: without a hub, with draining ones only, and with none that lists the target, the outcome says which", arguments: [0, 65_536])
    func absence(dense: Int) {
        var choice = HubChoice<String>(denseTargets: dense)
        #expect(choice.choose(7, slot: 0) == nil)
        #expect(choice.absence == .noHub)
        _ = choice.welcome("a", id: 1, rank: 0)
        #expect(choice.choose(7, slot: 0) == nil)
        #expect(choice.absence == .unlisted)
        choice.reach(.ranges([7...7]), rank: 0)
        #expect(choice.choose(7, slot: 0) == "a")
        #expect(choice.choose(6, slot: 0) == nil)
        #expect(choice.choose(8, slot: 0) == nil)
        choice.drain(rank: 0)
        #expect(choice.choose(7, slot: 0) == nil)
        #expect(choice.absence == .draining)
        choice.remove(rank: 0)
        #expect(choice.absence == .noHub)
    }

    @Test("S30: among the hubs that list a target it is the choice function over their ids, in every slot", arguments: [0, 65_536])
    func agreesWithChoice(dense: Int) {
        let choice = choice([.ranges([0...9, 50...60]), .ranges([5...55]), .everything], dense: dense)
        for (target, members) in [(0, [0, 2]), (7, [0, 1, 2]), (20, [1, 2]), (52, [0, 1, 2]), (60, [0, 2]), (61, [2]), (90_000, [2])] {
            for slot in 0..<Choice.slots {
                let owner = Choice.owner(of: slot, among: members.map { UInt64(100 + $0) }).map { members[$0] }
                #expect(choice.choose(UInt32(target), slot: slot) == owner.map { "hub \($0)" }, "target \(target), slot \(slot)")
            }
        }
    }

    @Test("S30: a hub that has just come back and lists nothing yet is not chosen while another lists the target")
    func returningHub() {
        var choice = choice([.ranges([1...9]), .ranges([1...9])])
        choice.remove(rank: 0)
        _ = choice.welcome("back", id: 100, rank: 0)
        #expect((0..<Choice.slots).allSatisfy { choice.choose(4, slot: $0) == "hub 1" })
        choice.reach(.ranges([4...4]), rank: 0)
        #expect(Set((0..<Choice.slots).map { choice.choose(4, slot: $0) }) == ["hub 1", "back"])
    }

    @Test("Of two live hubs with one id only the one first in the list is used, and the other when that is gone")
    func doubleIDs() {
        var choice = HubChoice<String>()
        let isFirstDouble = choice.welcome("second", id: 9, rank: 1)
        #expect(!isFirstDouble)
        choice.reach(.everything, rank: 1)
        let isSecondDouble = choice.welcome("first", id: 9, rank: 0)
        #expect(isSecondDouble)
        choice.reach(.everything, rank: 0)
        #expect((0..<Choice.slots).allSatisfy { choice.choose(1, slot: $0) == "first" })
        choice.remove(rank: 0)
        #expect(choice.choose(1, slot: 0) == "second")
    }

    @Test("S30: every edge at once goes to the hub that key 0 gives, and what that one lacks over others that list it")
    func everywhere() throws {
        let slot = Choice.slot(of: 0)
        let both = choice([.ranges([1...3]), .ranges([2...4, 8...8])])
        let first = try #require(both.chooseAny(slot: slot))
        let plan = try #require(both.everywhere())
        #expect(plan.first == first)
        let beyond = plan.beyond.flatMap { $0.targets.map(Int.init) }
        #expect(beyond == (first == "hub 0" ? [4, 8] : [1]))
        #expect(plan.beyond.allSatisfy { $0.hub != first })
    }

    @Test("Hubs whose lists differ in more ways than have tables are chosen alike")
    func manySets() {
        // Hub i lists the targets whose bit i is set: 255 different sets.
        let reaches = (0..<8).map { hub in
            HubChoice<String>.Reach.ranges((0..<256).filter { $0 & (1 << hub) != 0 }.map { UInt32($0)...UInt32($0) })
        }
        let choice = choice(reaches)
        for target in 0..<256 {
            let members = (0..<8).filter { target & (1 << $0) != 0 }
            for slot in stride(from: 0, to: Choice.slots, by: 97) {
                let owner = Choice.owner(of: slot, among: members.map { UInt64(100 + $0) }).map { members[$0] }
                #expect(choice.choose(UInt32(target), slot: slot) == owner.map { "hub \($0)" })
            }
        }
    }

    @Test("Lists that change again and again give what a fresh choice gives")
    func changes() {
        var generator = Seeded(7)
        var reaches: [HubChoice<String>.Reach] = [.ranges([]), .ranges([]), .ranges([])]
        var changing = choice(reaches, dense: 4096)
        for _ in 0..<40 {
            let hub = Int.random(in: 0..<3, using: &generator)
            reaches[hub] = .ranges(
                (0..<5).map { _ in
                    let low = UInt32.random(in: 0..<5000, using: &generator)
                    return low...(low + UInt32.random(in: 0..<300, using: &generator))
                })
            changing.reach(reaches[hub], rank: hub)
            let fresh = choice(reaches)
            for target in stride(from: UInt32(0), to: 5400, by: 61) {
                #expect(changing.choose(target, slot: Int(target) % Choice.slots) == fresh.choose(target, slot: Int(target) % Choice.slots))
            }
        }
    }
}
