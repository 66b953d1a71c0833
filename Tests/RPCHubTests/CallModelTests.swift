import Membership
import Routing
import TestSupport
import Testing
import Wire

@testable import RPCHub

/// Random calls, answers, cancels, deaths, drains and deadlines against the pure machines, on two loops, with messages between them that are
/// delayed at will. What must hold whatever happens: every call has exactly one outcome, and it is its own.
@Suite("Calls, as a model")
struct CallModelTests {
    @Test("S2, S10, S28: one outcome for each call, never another's answer, and empty tables at the end", arguments: 1...16 as ClosedRange<UInt64>)
    func run(seed: UInt64) throws {
        var world = World(seed: seed)
        for _ in 0..<2500 { try world.step() }
        try world.finish()
        #expect(world.outcomes.count > 300)
        #expect(Set(world.outcomes.values.map(\.kind)).count >= 5)
    }
}

/// The loops, their agents and callers, and what is on its way.
private struct World {
    /// What a caller heard of a call.
    struct Outcome {
        var kind: String
        var by: UInt64?
    }

    struct CallerState {
        var id: UInt64
        var node: UInt64
        var loop: Int
        var next: UInt64 = 1
    }

    /// An agent process; `held` is what the hub has queued and not written, `taken` what it is working on.
    final class AgentState {
        let id: UInt64
        let node: UInt64
        let loop: Int
        let gauge: AgentGauge
        var isAlive = true
        var isDraining = false
        /// (loop of the call, number, what is asked)
        var held: [(loop: Int, number: UInt64, asked: Asked)] = []
        var taken: [(loop: Int, number: UInt64, asked: Asked)] = []

        init(id: UInt64, node: UInt64, loop: Int, window: Int) {
            self.id = id
            self.node = node
            self.loop = loop
            gauge = AgentGauge(window: window)
        }
    }

    /// Names a call of the whole run.
    struct Asked: Hashable {
        var caller: UInt64
        var number: UInt64
    }

    enum Message {
        case request(agent: AgentState, loop: Int, number: UInt64, asked: Asked)
        case answer(agent: UInt64, number: UInt64, asked: Asked)
        case gone(agent: AgentState)
        case returned(agent: UInt64, number: UInt64, asked: Asked)
        case fence(agent: AgentState, from: Int)
        case ended(agent: UInt64)
    }

    private var random: Seeded
    private var desks: [CallDesk] = [CallDesk(window: 20), CallDesk(window: 20)]
    private var callers: [CallerState] = []
    private var agents: [AgentState] = []
    /// Messages from one loop to another, in order.
    private var lanes: [[[Message]]] = [[[], []], [[], []]]
    private var tick = 0
    private var registrations: UInt64 = 0
    private var freeSlots = Array(0..<24)
    private var open: Set<Asked> = []
    private(set) var outcomes: [Asked: Outcome] = [:]

    init(seed: UInt64) {
        random = Seeded(seed)
        for _ in 0..<3 { addAgent() }
        for _ in 0..<3 { addCaller() }
    }

    private mutating func register() -> UInt64? {
        guard !freeSlots.isEmpty else { return nil }
        registrations += 1
        return registrations << 24 | UInt64(freeSlots.removeFirst())
    }

    private mutating func addAgent() {
        guard let id = register() else { return }
        let agent = AgentState(
            id: id, node: UInt64.random(in: 1...9, using: &random), loop: Int.random(in: 0...1, using: &random),
            window: Int.random(in: 1...6, using: &random))
        agents.append(agent)
        desks[agent.loop].meet(agent: id, gauge: agent.gauge)
    }

    private mutating func addCaller() {
        guard let id = register() else { return }
        let caller = CallerState(id: id, node: registrations, loop: Int.random(in: 0...1, using: &random))
        callers.append(caller)
        desks[caller.loop].joined(caller: id, node: caller.node)
    }

    // MARK: - One random event

    mutating func step() throws {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<35: ask()
        case 35..<60: deliver()
        case 60..<70: write()
        case 70..<85: answer()
        case 85..<90: cancel()
        case 90..<94: passTime(by: Int.random(in: 1...40, using: &random))
        case 94: killAgent()
        case 95: killCaller()
        case 96: if let agent = agents.randomElement(using: &random) { agent.isDraining.toggle() }
        case 97: lie()
        default:
            if agents.count(where: \.isAlive) < 4 { addAgent() }
            if callers.count < 4 { addCaller() }
        }
    }

    private mutating func ask() {
        guard !callers.isEmpty else { return }
        let index = Int.random(in: callers.indices, using: &random)
        // Now and then a number that is open.
        let number = Int.random(in: 0..<20, using: &random) == 0 ? max(1, callers[index].next - 1) : callers[index].next
        let caller = callers[index]
        let asked = Asked(caller: caller.id, number: number)
        let header = RPCHeader(.request, payloadCount: 12, rpc: 1, identify: caller.node, call: number)
        if let refusal = desks[caller.loop].refusal(of: header, from: caller.id) {
            #expect(refusal == .window || (refusal == .duplicate && open.contains(asked)))
            return
        }
        guard number == callers[index].next else { return }
        callers[index].next += 1
        #expect(open.insert(asked).inserted)
        let call = Call(asker: caller.id, number: number, rpc: 1, deadline: tick + Int.random(in: 1...120, using: &random))
        send(call, from: caller.loop, asked, sharding: Bool.random(using: &random) ? 0 : Int64(number))
    }

    private mutating func send(_ call: Call, from loop: Int, _ asked: Asked, sharding: Int64) {
        let live = agents.filter { !$0.isDraining }
        let set = CandidateSet(
            Dictionary(live.map { ($0.node, $0) }, uniquingKeysWith: { $1 }).values.map {
                CandidateSet.Candidate(node: $0.node, slot: UInt32($0.id & 0xFF_FFFF))
            }.sorted(), like: nil)
        for agent in live where agent.loop != loop && agent.isAlive { desks[loop].meet(agent: agent.id, gauge: agent.gauge) }
        let bySlot = Dictionary(live.map { (Int($0.id & 0xFF_FFFF), $0) }, uniquingKeysWith: { $1 })
        let desk = desks[loop]
        let choice = AgentChoice.choose(set.pointer.pointee, shardingID: sharding, draw: random.next()) { slot in
            guard let agent = bySlot[slot], desk.knows(agent: agent.id), agent.loop != loop || agent.isAlive else { return .gone }
            return agent.gauge.isFull ? .full : .open(load: agent.gauge.load)
        }
        guard case .agent(let slot) = choice, let agent = bySlot[slot], let number = desks[loop].open(call, with: agent.id) else {
            return settle(asked, call.isRerouted ? "neverSent" : "\(choice)")
        }
        if agent.loop == loop {
            agent.held.append((loop, number, asked))
        } else {
            lanes[loop][agent.loop].append(.request(agent: agent, loop: loop, number: number, asked: asked))
        }
    }

    private mutating func settle(_ asked: Asked, _ kind: String, by agent: UInt64? = nil) {
        #expect(open.remove(asked) != nil, "a second outcome")
        outcomes[asked] = Outcome(kind: kind, by: agent)
    }

    private mutating func settle(_ call: Call, _ kind: String) { settle(Asked(caller: call.asker, number: call.number), kind) }

    /// The socket takes what is queued for an agent.
    private mutating func write() {
        guard let agent = agents.filter({ $0.isAlive && !$0.held.isEmpty }).randomElement(using: &random) else { return }
        let count = Int.random(in: 1...agent.held.count, using: &random)
        agent.taken += agent.held.prefix(count)
        agent.held.removeFirst(count)
    }

    private mutating func answer() {
        guard let agent = agents.filter({ $0.isAlive && !$0.taken.isEmpty }).randomElement(using: &random) else { return }
        let (loop, number, asked) = agent.taken.remove(at: Int.random(in: agent.taken.indices, using: &random))
        if loop == agent.loop {
            answered(agent.id, number, asked, on: loop)
        } else {
            lanes[agent.loop][loop].append(.answer(agent: agent.id, number: number, asked: asked))
        }
    }

    private mutating func answered(_ agent: UInt64, _ number: UInt64, _ asked: Asked, on loop: Int) {
        switch desks[loop].answered(agent: agent, number: number) {
        case .call(let call):
            #expect(call.asker == asked.caller && call.number == asked.number, "another's answer")
            settle(call, "answered")
        case .late: #expect(!open.contains(asked))
        case .stranger: #expect(!open.contains(asked))
        }
    }

    /// An agent answers what it was not asked: nothing comes of it.
    private mutating func lie() {
        guard let agent = agents.filter(\.isAlive).randomElement(using: &random) else { return }
        let loop = Int.random(in: 0...1, using: &random)
        let number = UInt64.random(in: 0..<(1 << 28), using: &random)
        guard !agent.taken.contains(where: { $0.loop == loop && $0.number == number }), !agent.held.contains(where: { $0.number == number }) else {
            return
        }
        let isOnItsWay = lanes[loop][agent.loop].contains { if case .request(let to, _, number, _) = $0 { to.id == agent.id } else { false } }
        guard !isOnItsWay, !lanes[agent.loop][loop].contains(where: { if case .answer(agent.id, number, _) = $0 { true } else { false } }) else {
            return
        }
        let answer = desks[loop].answered(agent: agent.id, number: number)
        #expect(answer == .stranger)
    }

    private mutating func cancel() {
        guard let asked = open.sorted(by: { ($0.caller, $0.number) < ($1.caller, $1.number) }).randomElement(using: &random),
            let caller = callers.first(where: { $0.id == asked.caller })
        else { return }
        let place = desks[caller.loop].cancelled(asked.number, by: caller.id)
        #expect(place != nil)
        settle(asked, "cancelled")
    }

    private mutating func passTime(by ticks: Int) {
        tick += ticks
        for loop in desks.indices {
            while let (_, call) = desks[loop].nextExpired(at: tick) {
                #expect(call.deadline <= tick)
                settle(call, "deadline")
            }
        }
    }

    private mutating func killCaller() {
        guard callers.count > 1 else { return }
        let caller = callers.remove(at: Int.random(in: callers.indices, using: &random))
        _ = desks[caller.loop].left(caller: caller.id)
        for asked in open.filter({ $0.caller == caller.id }) { settle(asked, "cancelled") }
        freeSlots.append(Int(caller.id & 0xFF_FFFF))
    }

    private mutating func killAgent() {
        guard let agent = agents.filter(\.isAlive).randomElement(using: &random) else { return }
        kill(agent)
    }

    private mutating func kill(_ agent: AgentState) {
        agent.isAlive = false
        desks[agent.loop].gone(agent: agent.id)
        let other = 1 - agent.loop
        lanes[agent.loop][other].append(.gone(agent: agent))
        for (loop, number, asked) in agent.held { sendBack(agent, loop, number, asked) }
        agent.held = []
        agents.removeAll { $0 === agent }
        freeSlots.append(Int(agent.id & 0xFF_FFFF))
        for call in desks[agent.loop].ended(agent: agent.id) { settle(call, "lost") }
    }

    private mutating func sendBack(_ agent: AgentState, _ loop: Int, _ number: UInt64, _ asked: Asked) {
        if loop == agent.loop {
            returned(agent.id, number, asked, on: loop)
        } else {
            lanes[agent.loop][loop].append(.returned(agent: agent.id, number: number, asked: asked))
        }
    }

    private mutating func returned(_ agent: UInt64, _ number: UInt64, _ asked: Asked, on loop: Int) {
        guard var call = desks[loop].returned(agent: agent, number: number) else { return #expect(!open.contains(asked)) }
        #expect(call.number == asked.number && call.asker == asked.caller)
        guard !call.isRerouted else { return settle(call, "neverSent") }
        call.isRerouted = true
        send(call, from: loop, asked, sharding: 0)
    }

    /// One message arrives.
    private mutating func deliver() {
        let from = Int.random(in: 0...1, using: &random)
        let to = 1 - from
        guard !lanes[from][to].isEmpty else { return }
        switch lanes[from][to].removeFirst() {
        case .request(let agent, let loop, let number, let asked):
            if agent.isAlive { agent.held.append((loop, number, asked)) } else { sendBack(agent, loop, number, asked) }
        case .answer(let agent, let number, let asked): answered(agent, number, asked, on: to)
        case .gone(let agent):
            desks[to].gone(agent: agent.id)
            lanes[to][from].append(.fence(agent: agent, from: to))
        case .returned(let agent, let number, let asked): returned(agent, number, asked, on: to)
        case .fence(let agent, let caller): lanes[to][caller].append(.ended(agent: agent.id))
        case .ended(let agent): for call in desks[to].ended(agent: agent) { settle(call, "lost") }
        }
    }

    // MARK: - The end

    /// Everyone dies, everything arrives.
    mutating func finish() throws {
        for agent in agents { kill(agent) }
        while lanes.joined().contains(where: { !$0.isEmpty }) { deliver() }
        passTime(by: 1000)
        #expect(open.isEmpty)
        for desk in desks { #expect(desk.isEmpty && desk.open == 0 && desk.tombstones == 0) }
    }
}
