package import Routing

/// Who of a pool's servers and connections takes the next call (rules S19, S20, S22). Pure: connections are numbers, time and chance are
/// parameters.
///
/// Servers are told apart by the balance; within a server, calls of one turn share a connection as far as they may, so that one write
/// carries many, and the next turn takes the connection with the fewest calls.
package struct PoolTable {
    /// What a connection can do for calls.
    enum Connection: Equatable {
        /// The last attempt to connect failed.
        case absent
        /// The first attempt, or the first after a loss, is due or under way: calls wait for it.
        case expected
        /// It stands.
        case up
        /// Its address is not used any more.
        case retired
    }

    /// Where a call goes.
    package enum Pick: Equatable {
        case connection(Int)
        /// Nowhere yet: everyone who could take it is full or about to be connected. `server`: the only one who may take it.
        case wait(server: Int?)
        /// No server is there.
        case absent
    }

    struct Server {
        var node: UInt64
        var connections: [Int] = []
        /// Connections that are up with nothing to do, the last used on top.
        var free: [Int] = []
        var up = 0
        var expected = 0
        /// Calls on its connections, those given up and not answered included.
        var load = 0
        var isRetired = false
        /// The connection of this turn's calls, and how many those were.
        var current = -1
        var turn: UInt64 = 0
        var turnCalls = 0
    }

    /// Calls of one turn that share a connection before the next one is taken.
    static let stride = 64

    let balance: Balance
    let inFlight: Int
    package private(set) var ejections = Ejections()
    private(set) var servers: [Server] = []
    private(set) var states: [Connection] = []
    private var serverOf: [Int] = []
    private var loads: [Int] = []
    /// For `hash`: the servers that stand for the keys, those that are ejected left out.
    private var owners = SlotTable<Int>()

    package init(balance: Balance, inFlight: Int) {
        self.balance = balance
        self.inFlight = inFlight
    }

    // MARK: - Servers and connections

    /// Another server with `count` connections, which are about to be made. Returns the numbers of both.
    /// - Parameter node: what the choice function knows it by.
    package mutating func add(node: UInt64, connections count: Int) -> (server: Int, connections: Range<Int>) {
        let numbers = states.count..<states.count + count
        var server = Server(node: node)
        server.connections = Array(numbers)
        server.expected = count
        servers.append(server)
        ejections.add()
        for _ in numbers {
            states.append(.expected)
            serverOf.append(servers.count - 1)
            loads.append(0)
        }
        owners.insert(node, servers.count - 1)
        return (servers.count - 1, numbers)
    }

    package func server(of connection: Int) -> Int { serverOf[connection] }
    /// Calls on a connection, those given up and not answered included.
    package func load(of connection: Int) -> Int { loads[connection] }

    /// It stands and has nothing to do.
    package mutating func opened(_ connection: Int) {
        set(connection, .up)
        loads[connection] = 0
        servers[serverOf[connection]].free.append(connection)
        ejections.connected(serverOf[connection])
    }

    /// It is gone, and what was on it too. A first redial is due.
    package mutating func closed(_ connection: Int) { leave(connection, for: .expected) }
    package mutating func attemptFailed(_ connection: Int) { leave(connection, for: .absent) }

    /// Its address is not used any more.
    package mutating func retire(_ connection: Int) {
        leave(connection, for: .retired)
        let server = serverOf[connection]
        guard servers[server].connections.allSatisfy({ states[$0] == .retired }) else { return }
        servers[server].isRetired = true
        owners.remove(servers[server].node)
    }

    private mutating func leave(_ connection: Int, for state: Connection) {
        let server = serverOf[connection]
        servers[server].load -= loads[connection]
        loads[connection] = 0
        if let position = servers[server].free.firstIndex(of: connection) { servers[server].free.remove(at: position) }
        if servers[server].current == connection { servers[server].current = -1 }
        set(connection, state)
    }

    private mutating func set(_ connection: Int, _ state: Connection) {
        let server = serverOf[connection]
        count(states[connection], of: server, by: -1)
        count(state, of: server, by: 1)
        states[connection] = state
    }

    private mutating func count(_ state: Connection, of server: Int, by step: Int) {
        switch state {
        case .up: servers[server].up += step
        case .expected: servers[server].expected += step
        case .absent, .retired: break
        }
    }

    // MARK: - Calls

    /// Chooses for one call.
    /// - Parameters:
    ///   - key: what `hash` goes by.
    ///   - turn: the same for all calls of a turn of the event loop.
    ///   - excluding: a server that just failed it, and is taken only when there is no other.
    package mutating func pick(key: UInt64, turn: UInt64, draw: UInt64, excluding: Int? = nil) -> Pick {
        // The usual case: one server.
        if servers.count == 1 { return pick(in: 0, turn: turn) }
        if let excluding, case .connection(let other) = pickAny(key: key, turn: turn, draw: draw, excluding: excluding) {
            return .connection(other)
        }
        return pickAny(key: key, turn: turn, draw: draw, excluding: nil)
    }

    private mutating func pickAny(key: UInt64, turn: UInt64, draw: UInt64, excluding: Int?) -> Pick {
        let chosen: Int? =
            switch balance {
            case .hash where excluding == nil: owner(of: key)
            case .random, .hash: Balancer.random(servers.count, draw: draw) { $0 != excluding && hasRoom($0) }
            case .leastInFlight: Balancer.least(servers.count, draw: draw) { $0 != excluding && hasRoom($0) ? servers[$0].load : nil }
            }
        if let chosen { return pick(in: chosen, turn: turn) }
        return servers.contains { !$0.isRetired && ($0.up > 0 || $0.expected > 0) } ? .wait(server: nil) : .absent
    }

    /// The key's server among those that are there.
    private func owner(of key: UInt64) -> Int? {
        guard let owner = owners[Choice.slot(of: key)] else { return nil }
        if isThere(owner) { return owner }
        // Rare: walk on through the slots to one whose owner is there, the same for the same key.
        let start = Choice.slot(of: key)
        for step in 1..<Choice.slots {
            if let other = owners[(start + step) % Choice.slots], isThere(other) { return other }
        }
        return nil
    }

    package func isThere(_ server: Int) -> Bool { ejections.takes(server) && (servers[server].up > 0 || servers[server].expected > 0) }

    private func hasRoom(_ server: Int) -> Bool {
        servers[server].load < servers[server].up * inFlight && ejections.takes(server)
    }

    package mutating func pick(in server: Int, turn: UInt64) -> Pick {
        guard servers[server].up > 0 else { return servers[server].expected > 0 ? .wait(server: waitFor(server)) : .absent }
        guard hasRoom(server) else { return .wait(server: waitFor(server)) }
        if inFlight == 1 {
            guard let free = servers[server].free.last else { return .wait(server: waitFor(server)) }
            return .connection(free)
        }
        let current = servers[server].current
        if servers[server].turn == turn, servers[server].turnCalls < PoolTable.stride, current >= 0, loads[current] < inFlight {
            return .connection(current)
        }
        var best = -1
        for connection in servers[server].connections where states[connection] == .up && loads[connection] < inFlight {
            if best < 0 || loads[connection] < loads[best] { best = connection }
        }
        guard best >= 0 else { return .wait(server: waitFor(server)) }
        servers[server].current = best
        servers[server].turn = turn
        servers[server].turnCalls = 0
        return .connection(best)
    }

    /// A connection for a call that was refused on another one: another server's if one has room, else another of the same server; nil when
    /// none has room now.
    package mutating func pickAnother(than connection: Int, key: UInt64, turn: UInt64, draw: UInt64) -> Int? {
        let server = serverOf[connection]
        if case .connection(let other) = pickAny(key: key, turn: turn, draw: draw, excluding: server) { return other }
        let others = servers[server].connections.filter { $0 != connection && states[$0] == .up && loads[$0] < inFlight }
        return hasRoom(server) ? others.min { loads[$0] < loads[$1] } : nil
    }

    private func waitFor(_ server: Int) -> Int? { balance == .hash ? server : nil }

    /// A call that expects an answer goes out on it.
    package mutating func sent(_ connection: Int) {
        let server = serverOf[connection]
        if loads[connection] == 0, let last = servers[server].free.last {
            if last == connection {
                servers[server].free.removeLast()
            } else if let position = servers[server].free.firstIndex(of: connection) {
                servers[server].free.remove(at: position)
            }
        }
        loads[connection] += 1
        servers[server].load += 1
        servers[server].turnCalls += 1
        ejections.sent(server)
    }

    /// An answer came on it, for a call or for one that was given up.
    package mutating func answered(_ connection: Int) {
        let server = serverOf[connection]
        loads[connection] -= 1
        servers[server].load -= 1
        if loads[connection] == 0 { servers[server].free.append(connection) }
    }

    /// Whether a waiting call may go out on this connection's server now.
    package func hasRoom(for connection: Int) -> Bool { hasRoom(serverOf[connection]) }

    /// Whether any server could still take a call, now or soon.
    package var isAbsent: Bool { !servers.contains { !$0.isRetired && ($0.up > 0 || $0.expected > 0) } }

    // MARK: - Health

    package mutating func succeeded(_ connection: Int) -> Ejections.Change { ejections.succeeded(serverOf[connection]) }
    package mutating func failed(_ connection: Int, now: Int) -> Ejections.Change { ejections.failed(serverOf[connection], now: now) }
    package mutating func undecided(_ connection: Int) { ejections.undecided(serverOf[connection]) }
    package mutating func ejectionsEnded(now: Int) -> [Int] { ejections.ended(now: now) }

    /// The connections of a server that are not retired.
    package func connections(of server: Int) -> [Int] { servers[server].connections.filter { states[$0] != .retired } }
}
