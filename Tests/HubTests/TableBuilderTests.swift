import NIOCore
import Testing
import Wire

@testable import Hub
@testable import Membership

/// What a table says after members came, changed and went.
@Suite final class TableBuilderTests {
    private var registry = Registry<TableBuilder.Endpoint>()
    private var builder = TableBuilder(loops: 1)
    private let now = NIODeadline.uptimeNanoseconds(1)

    @discardableResult
    private func join(
        _ identity: MemberIdentity, cluster: UInt32, types: ClosedRange<UInt32>..., flags: Hello.Flags = []
    ) throws -> (id: MemberID, place: Int) {
        let member = Member(
            identity: identity, cluster: cluster, flags: flags, window: 1, claims: types.map { Claim($0.lowerBound, $0.upperBound) }, credential: 0,
            may: .all, name: "")
        guard case .accepted(let id, _) = registry.register(member, endpoint: .init(loop: 0, gauge: LinkGauge()), now: now) else {
            throw Refusal(.internal, detail: "not registered")
        }
        return (id, builder.joined(member))
    }

    private func service(_ node: UInt64, cluster: UInt32, types: ClosedRange<UInt32>..., flags: Hello.Flags = []) throws -> MemberID {
        let member = Member(
            identity: .service(cluster: cluster, node: node), cluster: cluster, flags: flags, window: 1,
            claims: types.map { Claim($0.lowerBound, $0.upperBound) }, credential: 0, may: .all, name: "")
        guard case .accepted(let id, _) = registry.register(member, endpoint: .init(loop: 0, gauge: LinkGauge()), now: now) else {
            throw Refusal(.internal, detail: "not registered")
        }
        _ = builder.joined(member)
        return id
    }

    private func drain(_ id: MemberID) throws {
        let member = try #require(registry[id]?.member)
        #expect(registry.drain(id) == true)
        builder.touched(member)
    }

    private func leave(_ id: MemberID) throws {
        let member = try #require(registry[id]?.member)
        #expect(registry.remove(id) == true)
        builder.left(member)
    }

    /// Who gets `type` from an edge whose cluster has that place: the only candidate's slot, or why nobody.
    private func target(_ table: RoutingTable, _ place: Int, _ type: UInt16) -> String {
        let set = table.view.clusters[place].candidates(for: type).pointee
        return set.count == 0 ? (set.isDraining ? "draining" : "nobody") : set.count == 1 ? "\(set.only)" : "one of \(set.count)"
    }

    @Test("S19: own services come before cluster 0's, and a draining one does not hide those")
    func fallback() throws {
        let edge = try join(.edge(1), cluster: 4)
        let own = try service(1, cluster: 4, types: 100...109)
        let common = try service(2, cluster: 0, types: 105...119)
        var table = builder.build(registry.entries)
        #expect(
            (99...120).map { target(table, edge.place, $0) } == ["nobody"] + Array(repeating: "\(own.slot)", count: 10)
                + Array(repeating: "\(common.slot)", count: 10) + ["nobody"])
        try drain(own)
        table = builder.build(registry.entries)
        #expect(target(table, edge.place, 104) == "draining")
        #expect(target(table, edge.place, 105) == "\(common.slot)")
        try drain(common)
        table = builder.build(registry.entries)
        #expect(target(table, edge.place, 119) == "draining")
        try leave(common)
        table = builder.build(registry.entries)
        #expect(target(table, edge.place, 119) == "nobody")
    }

    @Test("Overlapping claims are cut at their borders, and types with equal candidates share one set")
    func overlap() throws {
        let edge = try join(.edge(1), cluster: 1)
        _ = try service(1, cluster: 1, types: 10...20, 40...50)
        _ = try service(2, cluster: 1, types: 15...25, 45...55)
        let table = builder.build(registry.entries)
        let view = table.view.clusters[edge.place]
        #expect([14, 15, 20, 21].map { target(table, edge.place, $0) } == ["1", "one of 2", "one of 2", "2"])
        #expect(view.candidates(for: 15) == view.candidates(for: 45) && view.candidates(for: 14) == view.candidates(for: 40))
    }

    @Test("An edge is found by its ES id until it drains or goes")
    func edges() throws {
        let ids = try (1...300).map { try join(.edge(UInt32($0 * 7)), cluster: UInt32($0 % 3 + 1)).id }
        var table = builder.build(registry.entries)
        for number in 1...300 { #expect(table.view.edges.find(UInt32(number * 7)) == ids[number - 1].slot) }
        #expect(table.view.edges.find(8) == nil && table.view.edges.find(0) == nil && table.view.edges.find(.max) == nil)
        try drain(ids[4])
        try leave(ids[5])
        table = builder.build(registry.entries)
        #expect(table.view.edges.find(35) == nil && table.view.edges.find(42) == nil && table.view.edges.find(49) != nil)
    }

    @Test("PEERS keeps its version while the list stays, and cluster 0 hears of every edge")
    func peers() throws {
        let edge = try join(.edge(1), cluster: 1)
        let common = try join(.service(cluster: 0, node: 5), cluster: 0, types: 7...9)
        var table = builder.build(registry.entries)
        let first = try #require(table.clusters[edge.place]?.peersOfEdges)
        #expect(first.list == .ranges([Claim(7, 9)]))
        #expect(table.clusters[common.place]?.peersOfServices.list == .ranges([Claim(1, 1)]))
        _ = try service(6, cluster: 1, types: 8...9)
        _ = try join(.edge(2), cluster: 2)
        table = builder.build(registry.entries)
        #expect(table.clusters[edge.place]?.peersOfEdges.version == first.version)
        #expect(table.clusters[common.place]?.peersOfServices.list == .ranges([Claim(1, 2)]))
        _ = try service(7, cluster: 1, types: 3...3)
        table = builder.build(registry.entries)
        #expect(table.clusters[edge.place]?.peersOfEdges.list == .ranges([Claim(3, 3), Claim(7, 9)]))
        #expect(try #require(table.clusters[edge.place]?.peersOfEdges.version) > first.version)
    }

    @Test("S12: those who asked hear of closed sessions: the cluster's and cluster 0's")
    func listeners() throws {
        let edge = try join(.edge(1), cluster: 1)
        let own = try service(1, cluster: 1, types: 7...7, flags: .sessionClosed)
        _ = try service(2, cluster: 1, types: 7...7)
        _ = try service(3, cluster: 2, types: 7...7, flags: .sessionClosed)
        let common = try service(4, cluster: 0, types: 7...7, flags: .sessionClosed)
        let table = builder.build(registry.entries)
        #expect(Set(table.view.clusters[edge.place].listeners) == [UInt32(own.slot), UInt32(common.slot)])
    }
}
