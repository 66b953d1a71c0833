import Testing

@testable import Membership

@Suite struct DrainOrderTests {
    private let edges = [MemberID(slot: 1, generation: 1), MemberID(slot: 2, generation: 2)]
    private let services = [MemberID(slot: 3, generation: 3), MemberID(slot: 4, generation: 4)]

    @Test("S25: edges drain first, then services; services close first, then edges")
    func order() {
        var order = DrainOrder()
        #expect(order.begin(front: edges, back: services) == [.tell(edges)])
        #expect(order.answered(services[0]) == [])
        #expect(order.answered(edges[0]) == [])
        #expect(order.answered(edges[1]) == [.tell(services)])
        #expect(order.answered(services[1]) == [])
        #expect(order.answered(services[0]) == [.close(services)])
        #expect(order.gone(services[0]) == [])
        #expect(order.gone(services[1]) == [.close(edges)])
        #expect(order.gone(edges[0]) == [])
        #expect(order.gone(edges[1]) == [.finished])
        #expect(order.phase == .done)
    }

    @Test("S25: who goes without an answer holds up nobody")
    func gone() {
        var order = DrainOrder()
        _ = order.begin(front: edges, back: services)
        #expect(order.gone(services[0]) == [])
        #expect(order.gone(edges[0]) == [])
        #expect(order.gone(edges[1]) == [.tell([services[1]])])
        #expect(order.gone(services[1]) == [.close([]), .close([]), .finished])
    }

    @Test("S25: without members a hub is done at once, and a second begin changes nothing")
    func empty() {
        var order = DrainOrder()
        #expect(order.begin(front: [], back: []) == [.tell([]), .tell([]), .close([]), .close([]), .finished])
        #expect(order.begin(front: edges, back: services) == [])
    }
}
