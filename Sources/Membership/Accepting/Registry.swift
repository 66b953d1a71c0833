package import NIOCore
import Telemetry
import Wire

/// Who is registered: at most one live link for each identity, the newest (rules S10, S11). Pure; time comes in.
///
/// `Endpoint` is whatever the hub needs to reach the link.
package struct Registry<Endpoint> {
    /// One live registration.
    package struct Entry {
        package let id: MemberID
        package var member: Member
        package var endpoint: Endpoint
        /// It gets nothing new.
        package var isDraining = false
    }

    /// What becomes of a HELLO.
    package enum Outcome {
        /// Registered. The link of `displaced`, which had the identity before, is to be REJECTed with 13 and closed.
        case accepted(MemberID, displaced: Entry?)
        case refused(Refusal)
    }

    /// Take-overs of one identity that are allowed within ``window``.
    package static var maxTakeovers: Int { 3 }
    package static var window: TimeAmount { .seconds(30) }

    /// By slot.
    package private(set) var entries: [Entry?] = []
    private var slots: [MemberIdentity: Int] = [:]
    private var free: [Int] = []
    private var generation: UInt64 = 0
    private var takeovers: [MemberIdentity: [NIODeadline]] = [:]
    /// The hub is leaving: no one new is taken.
    package var isDraining = false

    package init() {}

    package var count: Int { slots.count }
    package var live: some Sequence<Entry> { entries.lazy.compactMap { $0 } }

    package subscript(id: MemberID) -> Entry? {
        guard id.slot < entries.count, let entry = entries[id.slot], entry.id == id else { return nil }
        return entry
    }

    /// A HELLO that opens a link.
    package mutating func register(_ member: Member, endpoint: Endpoint, now: NIODeadline) -> Outcome {
        let held = slots[member.identity].flatMap { entries[$0] }
        if let held, let refusal = refusal(of: member, holding: held, now: now) { return .refused(refusal) }
        guard !isDraining else { return .refused(Refusal(.draining, detail: "this hub is leaving")) }
        guard let slot = held?.id.slot ?? free.popLast() ?? nextSlot() else {
            return .refused(Refusal(.busy, detail: "\(MemberID.maxSlots) are registered"))
        }
        if held != nil { noteTakeover(of: member.identity, now: now) }
        generation += 1
        let id = MemberID(slot: slot, generation: generation)
        entries[slot] = Entry(id: id, member: member, endpoint: endpoint)
        slots[member.identity] = slot
        return .accepted(id, displaced: held)
    }

    /// A later HELLO on an open link: the same identity with other claims, in work again. False when that registration is gone.
    package mutating func update(_ id: MemberID, to member: Member) -> Bool {
        guard self[id] != nil else { return false }
        entries[id.slot]?.member = member
        entries[id.slot]?.isDraining = false
        return true
    }

    /// The member said DRAIN. False when that registration is gone.
    package mutating func drain(_ id: MemberID) -> Bool {
        guard self[id] != nil else { return false }
        entries[id.slot]?.isDraining = true
        return true
    }

    /// Compare-and-remove: a late clean-up of an old link never removes the new one.
    package mutating func remove(_ id: MemberID) -> Bool {
        guard let entry = self[id] else { return false }
        entries[id.slot] = nil
        slots[entry.member.identity] = nil
        free.append(id.slot)
        return true
    }

    private mutating func nextSlot() -> Int? {
        guard entries.count < MemberID.maxSlots else { return nil }
        entries.append(nil)
        return entries.count - 1
    }

    // MARK: - Take-over (rule S11)

    private func refusal(of member: Member, holding held: Entry, now: NIODeadline) -> Refusal? {
        let who = member.identity
        if held.member.cluster != member.cluster || held.member.credential != member.credential {
            return Refusal(.unauthorized, detail: "\(who) is registered with another cluster or token", breach: .identity)
        }
        if member.flags.contains(.polite) { return Refusal(.takenOver, detail: "\(who) is registered, and this HELLO is polite") }
        let recent = takeovers[who]?.count { now - $0 < Registry.window } ?? 0
        guard recent < Registry.maxTakeovers else {
            return Refusal(.busy, detail: "\(who) was taken over \(recent) times within 30s; two processes use this identity")
        }
        return nil
    }

    private mutating func noteTakeover(of identity: MemberIdentity, now: NIODeadline) {
        takeovers[identity, default: []].removeAll { now - $0 >= Registry.window }
        takeovers[identity, default: []].append(now)
        guard takeovers.count > 1024 else { return }
        takeovers = takeovers.filter { entry in entry.value.contains { now - $0 < Registry.window } }
    }
}
