import Routing
import Testing

@testable import ThriftLink

@Suite struct PoolTableTests {
    /// Two servers of two connections each, all up.
    private func pool(_ balance: Balance, inFlight: Int, servers: Int = 2) -> PoolTable {
        var table = PoolTable(balance: balance, inFlight: inFlight)
        for server in 0..<servers {
            for connection in table.add(node: UInt64(server + 1) &* 0x9E37, connections: 2).connections { table.opened(connection) }
        }
        return table
    }

    /// Sends a call and returns its connection.
    private func send(_ table: inout PoolTable, key: UInt64 = 0, turn: UInt64 = 0, draw: UInt64 = 0, excluding: Int? = nil) -> Int? {
        guard case .connection(let number) = table.pick(key: key, turn: turn, draw: draw, excluding: excluding) else { return nil }
        table.sent(number)
        return number
    }

    @Test("S22: with inFlight 1 a connection has one call; when all have one, calls wait")
    func exclusive() {
        var table = pool(.leastInFlight, inFlight: 1)
        let taken = (0..<4).map { _ in send(&table) }
        #expect(Set(taken) == [0, 1, 2, 3])
        #expect(table.pick(key: 0, turn: 0, draw: 0) == .wait(server: nil))
        table.answered(2)
        #expect(send(&table) == 2)
    }

    @Test("S22: pipelined, a connection takes up to inFlight calls")
    func pipelined() {
        var table = pool(.leastInFlight, inFlight: 3, servers: 1)
        for _ in 0..<6 { #expect(send(&table) != nil) }
        #expect(table.load(of: 0) == 3)
        #expect(table.load(of: 1) == 3)
        #expect(table.pick(key: 0, turn: 9, draw: 0) == .wait(server: nil))
    }

    @Test("Calls of one turn share a connection, the next turn takes the one with the fewest calls")
    func turns() {
        var table = pool(.leastInFlight, inFlight: 1000, servers: 1)
        let first = (0..<5).compactMap { _ in send(&table, turn: 1) }
        #expect(Set(first).count == 1)
        let second = (0..<3).compactMap { _ in send(&table, turn: 2) }
        #expect(Set(second).count == 1)
        #expect(second.first != first.first)
        let long = (0..<PoolTable.stride + 1).compactMap { _ in send(&table, turn: 3) }
        #expect(Set(long).count == 2, "a turn of very many calls does not put them all on one")
    }

    @Test("S19: leastInFlight takes the server with the fewest calls")
    func least() {
        var table = pool(.leastInFlight, inFlight: 10)
        let servers = (0..<4).compactMap { send(&table, turn: UInt64($0)).map { table.server(of: $0) } }
        #expect(servers.filter { $0 == 0 }.count == 2)
    }

    @Test("S19: hash gives a key its server, whatever the load, and only that server's room counts")
    func hash() {
        var table = pool(.hash, inFlight: 1, servers: 4)
        for key in UInt64(0)..<50 {
            let expected = Choice.owner(of: Choice.slot(of: key), among: (1...4).map { UInt64($0) &* 0x9E37 })
            let number = send(&table, key: key)
            #expect(number.map { table.server(of: $0) } == expected)
            _ = send(&table, key: key)
            #expect(table.pick(key: key, turn: 0, draw: 0) == .wait(server: expected))
            for connection in 0..<8 where table.load(of: connection) > 0 { table.answered(connection) }
        }
    }

    @Test("S22: absent is a server whose last attempt failed; while a first redial is due calls wait")
    func absence() {
        var table = PoolTable(balance: .leastInFlight, inFlight: 1)
        #expect(table.pick(key: 0, turn: 0, draw: 0) == .absent, "no address is known")
        let both = table.add(node: 1, connections: 2).connections
        #expect(table.pick(key: 0, turn: 0, draw: 0) == .wait(server: nil), "the first attempt is under way")
        for connection in both { table.attemptFailed(connection) }
        #expect(table.pick(key: 0, turn: 0, draw: 0) == .absent)
        table.opened(0)
        #expect(send(&table) == 0)
        table.closed(0)
        #expect(table.pick(key: 0, turn: 0, draw: 0) == .wait(server: nil), "its first redial is due")
        table.attemptFailed(0)
        #expect(table.pick(key: 0, turn: 0, draw: 0) == .absent)
    }

    @Test("S2: what was on a lost connection takes no place any more")
    func lostPlaces() {
        var table = pool(.leastInFlight, inFlight: 1, servers: 1)
        _ = send(&table)
        _ = send(&table)
        table.closed(0)
        #expect(table.pick(key: 0, turn: 0, draw: 0) == .wait(server: nil))
        table.opened(0)
        #expect(send(&table) == 0)
    }

    @Test("S3: a call goes to another server than the one that failed it, if there is one")
    func excluding() {
        var table = pool(.leastInFlight, inFlight: 10)
        for turn in UInt64(0)..<8 { #expect(send(&table, turn: turn, draw: turn << 61, excluding: 0).map { table.server(of: $0) } == 1) }
        var single = pool(.leastInFlight, inFlight: 10, servers: 1)
        #expect(send(&single, excluding: 0) != nil)
    }

    @Test("S20: an ejected server gets no calls; the probe gets one")
    func ejected() {
        var table = pool(.random, inFlight: 10)
        for _ in 0..<4 { #expect(table.failed(0, now: 0) == .none) }
        #expect(table.failed(1, now: 0) == .ejected(until: 1000), "its connections count together")
        for draw in UInt64(0)..<8 { #expect(send(&table, draw: draw << 61).map { table.server(of: $0) } == 1) }
        #expect(table.ejectionsEnded(now: 1000) == [0])
        table.closed(0)
        table.opened(0)
        var probes = 0
        for draw in UInt64(0)..<16 where send(&table, draw: draw << 60).map({ table.server(of: $0) }) == 0 { probes += 1 }
        #expect(probes == 1)
        #expect(table.succeeded(0) == .returned)
    }

    @Test("Randomly used, places are never taken twice nor lost", arguments: [1, 4])
    func places(inFlight: Int) {
        var generator = SystemRandomNumberGenerator()
        var table = pool(.leastInFlight, inFlight: inFlight, servers: 3)
        var open: [Int] = []
        for step in UInt64(0)..<5000 {
            if Bool.random(), let number = send(&table, turn: step / 7, draw: generator.next()) {
                open.append(number)
            } else if let position = open.indices.randomElement() {
                table.answered(open.remove(at: position))
            }
            if step % 501 == 500 {
                let number = Int.random(in: 0..<6)
                table.closed(number)
                table.opened(number)
                open.removeAll { $0 == number }
            }
            #expect((0..<6).allSatisfy { connection in table.load(of: connection) == open.count { $0 == connection } })
            #expect((0..<6).allSatisfy { table.load(of: $0) <= inFlight })
        }
        for number in open { table.answered(number) }
        for turn in UInt64(0)..<UInt64(6 * inFlight) { #expect(send(&table, turn: turn, draw: generator.next()) != nil) }
        #expect(send(&table) == nil)
    }
}
