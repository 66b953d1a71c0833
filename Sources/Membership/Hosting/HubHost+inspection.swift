package import Links
import NIOCore
import Sessions
import Synchronization
package import Telemetry

/// How a hub is seen and operated; each answer is gathered on the loops, between their turns.
extension HubHost {
    package var loops: [LinkLoop] { shards.map(\.loop) }

    package var listeners: [RoleStatus.Listener] {
        state.withLock { $0.listeners }.map { RoleStatus.Listener(side: $0.side.rawValue, address: "\($0.listener.address)") }
    }

    package func samples(role: String) async -> [Sample] {
        let isServing = state.withLock { $0.phase == "serving" }
        let numbers = context.registrar.numbers
        var samples = [
            Sample(.draining, role, value: isServing ? 0 : 1), Sample(.tableBuilds, role, value: numbers.builds),
            Sample(.registrations, role, value: numbers.registrations),
        ]
        for (kind, count) in numbers.takeovers { samples.append(Sample(.takeovers, kind, value: count)) }
        for (side, listener) in state.withLock({ $0.listeners }) { samples += listener.samples(role: role, side: side.rawValue) }
        for shard in shards { samples += await shard.answer { $0.samples() } ?? [] }
        return samples
    }

    package func status(role: String) async -> RoleStatus {
        var peers: [RoleStatus.Peer] = []
        for shard in shards { peers += await shard.answer { $0.roster.peers() } ?? [] }
        let phase = state.withLock { $0.phase }
        return RoleStatus(
            role: role, state: phase, listeners: listeners, links: context.admission.count, peers: peers.sorted { $0.address < $1.address })
    }

    package func registry(role: String) async -> [RegistrationView] {
        var registered: [RegistrationView] = []
        for shard in shards { registered += await shard.answer { $0.roster.registrations(role: role) } ?? [] }
        return registered.sorted { ($0.side, $0.generation) < ($1.side, $1.generation) }
    }

    package func perform(_ command: RoleCommand) async -> Int {
        guard case .closeLink(let id) = command else { return 0 }
        return await LinkInspection.close(id, on: loops)
    }
}
