import Routing
import Wire

/// A call that an agent has been asked and has not answered.
struct Call: Equatable {
    /// The caller's registration (``MemberID/raw``), or ``Asker/door``.
    var asker: UInt64
    /// Its own number for the call.
    var number: UInt64
    var rpc: UInt32
    /// The lower half of the tick in which it came.
    var started: UInt32 = 0
    /// The tick by which it is given up.
    var deadline: Int
    /// It was given to a second agent after the first died before it was written (rule S3).
    var isRerouted = false
}

/// Who asks without being registered.
enum Asker {
    /// The hub's own Thrift door. No registration has this number: their slots end at 24 bits and generations begin at 1.
    static let door: UInt64 = 0
}

/// Where an open call is.
struct CallPlace: Equatable {
    /// The agent's registration.
    var agent: UInt64
    /// The number that the agent knows it by, without the loop.
    var number: UInt64
}

/// The open calls of one event loop's callers: exactly one outcome for each, answers only from the agent that was asked, once
/// (rules S2, S10, S28). Pure: time is a tick, links are numbers.
///
/// A call is found by the number that went to its agent: a slot in that agent's own table, so nothing is hashed and an answer that another agent
/// makes up finds nothing. The caller's numbers are indexed once, for CANCEL and duplicates.
struct CallDesk {
    /// What an agent's answer belongs to.
    enum Answer: Equatable {
        case call(Call)
        /// The call was given up; the answer is dropped.
        case late
        /// It was never asked this, or has answered it before.
        case stranger
    }

    private struct Seat {
        let agent: UInt64
        private let held: AgentGauge
        /// ``held``, asked without counting a reference.
        private let gauge: Unmanaged<AgentGauge>
        var calls = Pending<Call>(.wide)

        init(agent: UInt64, gauge: AgentGauge) {
            self.agent = agent
            held = gauge
            self.gauge = Unmanaged.passUnretained(gauge)
        }

        @inline(__always)
        mutating func open(_ call: Call) -> UInt64? {
            guard gauge._withUnsafeGuaranteedRef({ $0.take() }) else { return nil }
            if let number = calls.open(call, deadline: call.deadline) { return number }
            release()
            return nil
        }

        /// A place in the agent's window is free again.
        @inline(__always)
        func release() { gauge._withUnsafeGuaranteedRef { $0.release() } }

        @inline(__always)
        mutating func answered(_ number: UInt64) -> Pending<Call>.Match {
            let match = calls.answered(number)
            if case .unknown = match { return match }
            release()
            return match
        }
    }

    private struct Caller {
        var calls = NumberIndex<CallPlace>()

        /// In place: a copy would count a reference.
        @inline(__always)
        mutating func refusal(of number: UInt64, window: Int) -> Refusal? {
            guard calls.count < window else { return .window }
            return calls[number] == nil ? nil : .duplicate
        }
    }

    // What every call asks stands in lists of plain integers: a look at a `Seat` or a `Caller` that is not in place copies it and counts its
    // references, and counted references were a third of a call's time.

    /// Of agents, by the slot of their registration.
    private var seats: ContiguousArray<Seat?> = []
    /// Whose seat that is; 0 where there is none.
    private var sitting: ContiguousArray<UInt64> = []
    /// Of agents that are gone while their slot may be another's already.
    private var leaving: [UInt64: Seat] = [:]
    /// Of callers, by the slot of their registration.
    private var callers: ContiguousArray<Caller> = []
    /// Who that is; 0 where nobody is.
    private var asking: ContiguousArray<(id: UInt64, node: UInt64)> = []
    /// The least of all seats' next deadlines, or earlier.
    private(set) var nextDue = Pending<Call>.never
    /// The most open calls of one caller.
    var window: Int
    /// Calls that are open.
    private(set) var open = 0

    init(window: Int) { self.window = window }

    var isEmpty: Bool {
        open == 0 && leaving.isEmpty && seats.allSatisfy { $0?.calls.isEmpty ?? true } && callers.allSatisfy { $0.calls.isEmpty }
    }
    /// Calls that were given up and not answered yet.
    var tombstones: Int { seats.reduce(0) { $0 + ($1?.calls.tombstones ?? 0) } + leaving.values.reduce(0) { $0 + $1.calls.tombstones } }

    /// Ticks since the oldest open call came; 0 while there is none.
    func oldest(at tick: Int) -> Int {
        var oldest: UInt32 = 0
        let now = UInt32(truncatingIfNeeded: tick)
        func look(_ call: Call) { oldest = max(oldest, now &- call.started) }
        for seat in seats { seat?.calls.visit(look) }
        for seat in leaving.values { seat.calls.visit(look) }
        return Int(oldest)
    }

    private static func slot(_ id: UInt64) -> Int { Int(id & 0xFF_FFFF) }

    // MARK: - Members

    /// An agent that calls may go to. One that had the slot before is on its way out.
    mutating func meet(agent: UInt64, gauge: AgentGauge) {
        let slot = CallDesk.slot(agent)
        let missing = slot + 1 - seats.count
        if missing > 0 {
            seats.append(contentsOf: repeatElement(nil, count: missing))
            sitting.append(contentsOf: repeatElement(0, count: missing))
        }
        guard sitting[slot] != agent else { return }
        retire(slot)
        seats[slot] = Seat(agent: agent, gauge: gauge)
        sitting[slot] = agent
    }

    /// Whether calls may go to it.
    @inline(__always)
    func knows(agent: UInt64) -> Bool {
        let slot = CallDesk.slot(agent)
        return slot < sitting.count && sitting[slot] == agent && agent != 0
    }

    /// Its link is gone: nothing more goes to it. Calls that it may have got are told by ``ended(agent:)``.
    mutating func gone(agent: UInt64) {
        let slot = CallDesk.slot(agent)
        if knows(agent: agent) { retire(slot) }
    }

    private mutating func retire(_ slot: Int) {
        guard let seat = seats[slot] else { return }
        seats[slot] = nil
        sitting[slot] = 0
        if !seat.calls.isEmpty { leaving[seat.agent] = seat }
    }

    /// Whatever came back from it has come back: every call that is left is lost.
    mutating func ended(agent: UInt64) -> [Call] {
        gone(agent: agent)
        guard var seat = leaving.removeValue(forKey: agent) else { return [] }
        let calls = seat.calls.removeAll().map(\.call)
        for call in calls { closed(call) }
        return calls
    }

    mutating func joined(caller: UInt64, node: UInt64) {
        let slot = CallDesk.slot(caller)
        while callers.count <= slot {
            callers.append(Caller())
            asking.append((0, 0))
        }
        callers[slot] = Caller()
        asking[slot] = (caller, node)
    }

    /// A caller's link is gone: its calls are given up. Returns where they are, to be cancelled.
    mutating func left(caller: UInt64) -> [CallPlace] {
        let slot = CallDesk.slot(caller)
        guard knows(caller: caller) else { return [] }
        let places = callers[slot].calls.values
        for place in places { _ = abandon(place) }
        callers[slot] = Caller()
        asking[slot] = (0, 0)
        return places
    }

    @inline(__always)
    private func knows(caller: UInt64) -> Bool {
        let slot = CallDesk.slot(caller)
        return slot < asking.count && asking[slot].id == caller && caller != 0
    }

    /// The identify id of a caller that is there.
    @inline(__always)
    func node(of caller: UInt64) -> UInt64? {
        knows(caller: caller) ? asking[CallDesk.slot(caller)].node : nil
    }

    // MARK: - Calls

    /// Why a REQUEST is not taken, before anyone is chosen for it.
    @inline(__always)
    mutating func refusal(of header: RPCHeader, from caller: UInt64) -> Refusal? {
        guard node(of: caller) == header.identify else { return .foreignIdentity }
        guard header.payloadCount >= ProtoRequest.leastPayload else { return .short }
        if header.isOneway { return nil }
        return callers[CallDesk.slot(caller)].refusal(of: header.call, window: window)
    }

    enum Refusal: Equatable { case foreignIdentity, short, window, duplicate }

    /// Opens a call with an agent; nil when the agent is not known here, or its window is full.
    @inline(__always)
    mutating func open(_ call: Call, with agent: UInt64) -> UInt64? {
        guard knows(agent: agent), let number = seats[CallDesk.slot(agent)]?.open(call) else { return nil }
        open += 1
        nextDue = min(nextDue, call.deadline)
        if call.asker != Asker.door { note(call, CallPlace(agent: agent, number: number)) }
        return number
    }

    @inline(__always)
    private mutating func note(_ call: Call, _ place: CallPlace) {
        guard knows(caller: call.asker) else { return }
        _ = callers[CallDesk.slot(call.asker)].calls.insert(call.number, place)
    }

    /// An agent answers.
    @inline(__always)
    mutating func answered(agent: UInt64, number: UInt64) -> Answer {
        guard knows(agent: agent) else { return answeredLate(agent, number) }
        switch seats[CallDesk.slot(agent)]?.answered(number) {
        case .call(let call):
            closed(call)
            return .call(call)
        case .tombstone: return .late
        case .unknown, nil: return .stranger
        }
    }

    /// It is gone, and this was on its way from its loop.
    private mutating func answeredLate(_ agent: UInt64, _ number: UInt64) -> Answer {
        switch leaving[agent]?.calls.answered(number) {
        case .call(let call):
            closed(call)
            return .call(call)
        case .tombstone: return .late
        case .unknown, nil: return .stranger
        }
    }

    /// A REQUEST came back unwritten. Nil when its call has ended meanwhile.
    mutating func returned(agent: UInt64, number: UInt64) -> Call? {
        let slot = CallDesk.slot(agent)
        if knows(agent: agent) {
            guard let call = seats[slot]?.calls.retract(number) else {
                _ = seats[slot]?.answered(number)
                return nil
            }
            seats[slot]?.release()
            closed(call)
            return call
        }
        guard let call = leaving[agent]?.calls.retract(number) else {
            _ = leaving[agent]?.calls.answered(number)
            return nil
        }
        closed(call)
        return call
    }

    /// The caller does not want the answer any more. Nil when the call has ended.
    mutating func cancelled(_ number: UInt64, by caller: UInt64) -> CallPlace? {
        guard knows(caller: caller), let place = callers[CallDesk.slot(caller)].calls[number] else { return nil }
        guard abandon(place) != nil else { return nil }
        return place
    }

    /// Gives a call up and leaves a tombstone.
    mutating func abandon(_ place: CallPlace) -> Call? {
        var call: Call?
        if knows(agent: place.agent) {
            call = seats[CallDesk.slot(place.agent)]?.calls.abandon(place.number)
        } else {
            call = leaving[place.agent]?.calls.abandon(place.number)
        }
        if let call { closed(call) }
        return call
    }

    /// Gives up one call whose time is over; nil when there is no more. To be repeated until then.
    mutating func nextExpired(at tick: Int) -> (place: CallPlace, call: Call)? {
        guard nextDue <= tick else { return nil }
        for slot in seats.indices {
            guard let due = seats[slot]?.calls.nextDue, due <= tick, let agent = seats[slot]?.agent else { continue }
            if let (number, call) = seats[slot]?.calls.nextExpired(at: tick) {
                closed(call)
                return (CallPlace(agent: agent, number: number), call)
            }
        }
        // What is on its way back from a dead agent has an outcome at once, not at its deadline.
        nextDue = seats.reduce(Pending<Call>.never) { min($0, $1?.calls.nextDue ?? Pending<Call>.never) }
        return nil
    }

    /// The call has its outcome.
    @inline(__always)
    private mutating func closed(_ call: Call) {
        open -= 1
        guard call.asker != Asker.door, knows(caller: call.asker) else { return }
        callers[CallDesk.slot(call.asker)].calls.remove(call.number)
    }
}
