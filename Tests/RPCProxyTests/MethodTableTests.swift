import Testing

@testable import RPCProxy

@Suite struct MethodTableTests {
    private func route(_ table: MethodTable, _ name: String, draw: UInt64 = 0) -> Int? {
        Array(name.utf8).withUnsafeBytes { table.route(of: $0, draw: draw) }
    }

    @Test("`service:method` comes before `method`, and that before `*`")
    func precedence() {
        let table = MethodTable([(["*"], 1), (["say"], 1), (["chat:say"], 1), (["login", "logout"], 1)])
        #expect(route(table, "chat:say") == 2)
        #expect(route(table, "game:say") == 1)
        #expect(route(table, "say") == 1)
        #expect(route(table, "logout") == 3)
        #expect(route(table, "chat:login") == 3)
        #expect(route(table, "other") == 0)
        #expect(route(table, "chat:other") == 0)
        #expect(route(table, "") == 0)
    }

    @Test("Without `*`, what no route names has none")
    func none() {
        let table = MethodTable([(["say"], 1)])
        #expect(route(table, "sa") == nil)
        #expect(route(table, "says") == nil)
        #expect(route(table, "say:") == nil)
        #expect(route(MethodTable([]), "say") == nil)
    }

    @Test("Routes with equal methods share by weight")
    func weights() {
        let table = MethodTable([(["*"], 9), (["*"], 1)])
        let canary = (0..<100).count { route(table, "any", draw: UInt64($0) * (.max / 100)) == 1 }
        #expect((9...11).contains(canary), "\(canary)")
    }

    @Test("Many names are told apart")
    func many() {
        let names = (0..<500).map { "method\($0)" }
        let table = MethodTable(names.map { ([$0], 1) })
        for (index, name) in names.enumerated() { #expect(route(table, name) == index) }
    }
}
