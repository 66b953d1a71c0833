import Foundation
import Synchronization
import Testing
import Wire

/// Hubs, services and one gateway over them, as real processes that can be killed, stopped and started again one by one.
final class Fleet: Sendable {
    private struct Members {
        var hubs: [FleetHub]
        var services: [ServiceProcess]
    }

    let places: [HubPlace]
    let gateway: SwitchyardProcess
    private let members: Mutex<Members>
    private let hubLines: [String]

    /// - Parameters:
    ///   - hubLines: lines below `hub:` of each.
    ///   - route: more keys of the gateway's one route, types 100 to 199.
    init(hubs: Int, services: Int, hubLines: [String] = [], route: String = "", loops: Int = 2) throws {
        let places = try (0..<hubs).map { _ in try HubPlace() }
        self.places = places
        self.hubLines = hubLines
        var started = Members(hubs: [], services: [])
        do {
            for place in places { started.hubs.append(try FleetHub(place, more: hubLines)) }
            for index in 0..<services { started.services.append(try Fleet.service(index, places)) }
            gateway = try SwitchyardProcess(Fleet.gateway(places, route: route, loops: loops), environment: FleetHub.token)
        } catch {
            for hub in started.hubs { hub.end() }
            for service in started.services { service.end() }
            throw error
        }
        members = Mutex(started)
    }

    /// The first service is the one in Python; the others are in Swift.
    private static func service(_ index: Int, _ places: [HubPlace]) throws -> ServiceProcess {
        try ServiceProcess(index == 0 ? .python : .swift, node: index + 1, hubs: places)
    }

    static func gateway(_ places: [HubPlace], route: String = "", loops: Int = 2, esID: Int = 1) -> Configuration {
        let to = places.map { "\($0.host):\($0.edges)" }.joined(separator: ", ")
        return Configuration(
            routes: ["{ name: services, types: [100-199], hubs: true\(route.isEmpty ? "" : ", " + route) }"],
            gateway: ["esID: \(esID)", "hubs: { to: [\(to)], token: env:HUB_TOKEN }"], top: ["loops: \(loops)"])
    }

    func end() {
        gateway.end()
        let members = members.withLock { $0 }
        for service in members.services { service.end() }
        for hub in members.hubs { hub.end() }
    }

    var hubs: [FleetHub] { members.withLock { $0.hubs } }
    var services: [ServiceProcess] { members.withLock { $0.services } }

    /// Starts a hub that has ended again, where it was.
    func restartHub(_ index: Int) throws {
        let hub = try FleetHub(places[index], more: hubLines)
        members.withLock { $0.hubs[index] = hub }
    }

    func restartService(_ index: Int) throws {
        let service = try Fleet.service(index, places)
        members.withLock { $0.services[index] = service }
    }

    /// Waits until every hub has the gateway and that many services.
    func settle(services count: Int? = nil, within limit: Duration = .seconds(40)) throws {
        let wanted = Double(count ?? services.count)
        for hub in hubs {
            try hub.eventuallyMetric("links_open", ["role": "hub", "side": "services"], within: limit) { $0 == wanted }
            try hub.eventuallyMetric("links_open", ["role": "hub", "side": "edges"], within: limit) { $0 == 1 }
        }
        let client = try gateway.client()
        defer { client.leave() }
        try eventually("service", within: limit) { try client.exchange(Packet(100, "0")).control == nil }
    }
}

/// Runs `body` against a fleet that lives just as long. What a test throws is told with the ends of the logs.
func withFleet(
    hubs: Int, services: Int, hubLines: [String] = [], route: String = "", loops: Int = 2, _ body: (Fleet) throws -> Void
) throws {
    let fleet = try Fleet(hubs: hubs, services: services, hubLines: hubLines, route: route, loops: loops)
    defer { fleet.end() }
    do {
        try fleet.settle()
        try body(fleet)
    } catch {
        let logs = [fleet.gateway.child] + fleet.hubs.map(\.child)
        throw Unmet("\(error)\n" + logs.map { $0.errors.suffix(8).joined(separator: "\n") }.joined(separator: "\n--\n"))
    }
}
