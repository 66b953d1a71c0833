/// Where a call stands among the deadlines of a ``DeadlineWheel``: the calls of a list name their neighbours by their slots.
@usableFromInline struct DeadlinePlace {
    /// The tick; ``DeadlineWheel/none`` without one.
    @usableFromInline var deadline = DeadlineWheel.none
    /// It has been found to be due and is in that list.
    @usableFromInline var isDue = false
    /// -1 ends a list.
    @usableFromInline var previous: Int32 = -1
    @usableFromInline var next: Int32 = -1

    @inlinable init() {}
}

/// The deadlines of the calls of one ``Pending``: a list for each tick, modulo 256, linked through the calls themselves.
///
/// Setting and dropping a deadline is a few stores. A deadline further away than the wheel reaches is passed over once each turn.
@usableFromInline struct DeadlineWheel {
    @inlinable static var size: Int { 256 }
    @inlinable static var none: Int { .max }

    /// The first slot of each list; empty until a deadline is set.
    @usableFromInline var heads: ContiguousArray<Int32> = []
    /// The list of those that were found to be due and not taken yet.
    @usableFromInline var due: Int32 = -1
    /// The last tick that was looked at.
    @usableFromInline var now = Int.min
    /// Nothing is due before.
    @usableFromInline var nextDue = DeadlineWheel.none

    @inlinable init() {}

    @inlinable
    mutating func link<Call>(_ slot: Int, deadline: Int, in slab: inout Slab<PendingEntry<Call>>) {
        if heads.isEmpty { heads = ContiguousArray(repeating: -1, count: DeadlineWheel.size) }
        // A deadline that has passed already stands in the list that is looked at next.
        let tick = now == .min ? deadline : max(deadline, now + 1)
        DeadlineWheel.push(slot, onto: &heads[DeadlineWheel.index(tick)], in: &slab) { $0.deadline = tick }
        nextDue = min(nextDue, tick)
    }

    @inlinable
    mutating func unlink<Call>(_ slot: Int, in slab: inout Slab<PendingEntry<Call>>) {
        guard let place = slab.element(at: slot)?.place, place.deadline != DeadlineWheel.none else { return }
        if place.previous >= 0 {
            slab.update(at: Int(place.previous)) { $0.place.next = place.next }
        } else if place.isDue {
            due = place.next
        } else {
            heads[DeadlineWheel.index(place.deadline)] = place.next
        }
        if place.next >= 0 { slab.update(at: Int(place.next)) { $0.place.previous = place.previous } }
        slab.update(at: slot) { $0.place = DeadlinePlace() }
    }

    /// The slot of a call whose deadline has come.
    @inlinable
    mutating func firstDue<Call>(by tick: Int, in slab: inout Slab<PendingEntry<Call>>) -> Int? {
        if due < 0, nextDue <= tick { collect(by: tick, in: &slab) }
        return due < 0 ? nil : Int(due)
    }

    /// Moves whatever is due into the list of its own, each once.
    @inlinable
    mutating func collect<Call>(by tick: Int, in slab: inout Slab<PendingEntry<Call>>) {
        // One turn of the wheel sees every list.
        for at in max(nextDue, tick - DeadlineWheel.size + 1)...tick {
            var slot = Int(heads[DeadlineWheel.index(at)])
            while slot >= 0, let place = slab.element(at: slot)?.place {
                if place.deadline <= tick {
                    unlink(slot, in: &slab)
                    DeadlineWheel.push(slot, onto: &due, in: &slab) {
                        $0.deadline = place.deadline
                        $0.isDue = true
                    }
                }
                slot = Int(place.next)
            }
        }
        now = tick
        nextDue = (tick + 1...tick + DeadlineWheel.size).first { heads[DeadlineWheel.index($0)] >= 0 } ?? DeadlineWheel.none
    }

    @inlinable
    static func push<Call>(_ slot: Int, onto head: inout Int32, in slab: inout Slab<PendingEntry<Call>>, _ mark: (inout DeadlinePlace) -> Void) {
        let next = head
        slab.update(at: slot) {
            $0.place.next = next
            mark(&$0.place)
        }
        if next >= 0 { slab.update(at: Int(next)) { $0.place.previous = Int32(slot) } }
        head = Int32(slot)
    }

    @inlinable static func index(_ tick: Int) -> Int { tick & (size - 1) }
}
