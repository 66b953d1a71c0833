/// Calls that were sent to one peer and are not answered: found by their number, with deadlines and tombstones (rules S2, S22, S28).
///
/// The number goes out with the call and comes back with its answer. A call that is given up (deadline, cancelled) leaves a tombstone:
/// its number stays taken until the late answer has come or the peer is gone, so no later call can be given its answer.
/// Pure; time is the tick of a timer ring. One timer serves all calls: look again at ``nextDue``. In steady state nothing is allocated.
public struct Pending<Call> {
    /// What an answer belongs to.
    public enum Match {
        /// This call, which is thereby over.
        case call(Call)
        /// A call that was given up; the answer is dropped.
        case tombstone
        /// Nothing: never asked, or answered before.
        case unknown
    }

    /// Stands for a call without a deadline.
    @inlinable public static var never: Int { .max }

    @usableFromInline var slab: Slab<PendingEntry<Call>>
    @usableFromInline var deadlines = DeadlineWheel()
    @usableFromInline var open = 0

    /// - Parameter limit: calls and tombstones together.
    @inlinable
    public init(_ numbers: SlotNumbers, limit: Int = .max) { slab = Slab(numbers, limit: limit) }

    /// Calls that are open.
    @inlinable public var count: Int { open }
    /// Calls that were given up and not answered yet.
    @inlinable public var tombstones: Int { slab.count - open }
    /// Neither calls nor tombstones.
    @inlinable public var isEmpty: Bool { slab.isEmpty }
    @inlinable public var isFull: Bool { slab.count >= slab.limit }
    /// No call is due before this tick: arm the timer for it. ``never`` while there is none.
    @inlinable public var nextDue: Int { deadlines.nextDue }

    /// Opens a call and returns its number; nil when calls and tombstones have reached the limit.
    @inlinable
    public mutating func open(_ call: Call, deadline: Int = never) -> UInt64? {
        guard let number = slab.insert(PendingEntry(call)) else { return nil }
        open += 1
        if deadline != Pending.never { deadlines.link(slab.numbers.slot(of: number), deadline: deadline, in: &slab) }
        return number
    }

    /// The call of a number while it is open.
    @inlinable public subscript(number: UInt64) -> Call? { slab[number]?.call }

    /// Every open call, in no order.
    public func visit(_ body: (Call) -> Void) {
        slab.visit { _, entry in if let call = entry.call { body(call) } }
    }

    /// An answer came: takes out the call or the tombstone that it belongs to.
    @inlinable
    public mutating func answered(_ number: UInt64) -> Match {
        guard let entry = slab[number] else { return .unknown }
        guard let call = entry.call else {
            _ = slab.remove(number)
            return .tombstone
        }
        close(number)
        return .call(call)
    }

    /// Takes a call out that the peer never got: no answer can come.
    @inlinable
    public mutating func retract(_ number: UInt64) -> Call? {
        guard let call = slab[number]?.call else { return nil }
        close(number)
        return call
    }

    /// Gives a call up; a tombstone waits for its answer.
    @inlinable
    public mutating func abandon(_ number: UInt64) -> Call? {
        guard let call = slab[number]?.call else { return nil }
        let slot = slab.numbers.slot(of: number)
        deadlines.unlink(slot, in: &slab)
        slab.update(at: slot) { $0.call = nil }
        open -= 1
        return call
    }

    /// Gives up one call that is due at `tick` or before; nil when there is no more. To be repeated until then.
    @inlinable
    public mutating func nextExpired(at tick: Int) -> (number: UInt64, call: Call)? {
        guard let slot = deadlines.firstDue(by: tick, in: &slab) else { return nil }
        let number = slab.number(at: slot)
        return abandon(number).map { (number, $0) }
    }

    /// The peer is gone: takes out every call and every tombstone, and returns the calls.
    public mutating func removeAll() -> [(number: UInt64, call: Call)] {
        var calls: [(number: UInt64, call: Call)] = []
        calls.reserveCapacity(open)
        slab.removeAll { number, entry in
            if let call = entry.call { calls.append((number, call)) }
        }
        deadlines = DeadlineWheel()
        open = 0
        return calls
    }

    @inlinable
    mutating func close(_ number: UInt64) {
        deadlines.unlink(slab.numbers.slot(of: number), in: &slab)
        _ = slab.remove(number)
        open -= 1
    }
}

/// What ``Pending`` keeps for each call and each tombstone.
@usableFromInline struct PendingEntry<Call> {
    /// nil: a tombstone.
    @usableFromInline var call: Call?
    @usableFromInline var place = DeadlinePlace()

    @inlinable
    init(_ call: Call) { self.call = call }
}
