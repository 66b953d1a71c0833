import Links
import Membership
import NIOCore

/// Asking the registrar, which lives on a loop of its own, and hearing its answers.
extension Shard {
    func register(_ link: MemberLink, as member: Member) {
        let registrar = context.registrar
        let endpoint = TableBuilder.Endpoint(loop: index, gauge: link.gauge)
        registrar.eventLoop.execute {
            let answer = registrar.register(member, at: endpoint)
            self.onLoop {
                switch answer {
                case .registered(let id, let place, let version): link.registered(id, cluster: place, version: version)
                case .refused(let refusal): link.shell.refusedByRegistry(refusal)
                }
            }
        }
    }

    func update(_ link: MemberLink, to member: Member) {
        guard let id = link.shell.memberID else { return }
        ask({ $0.update(id, to: member) }, then: { link.shell.updated(version: $0) })
    }

    func drain(_ link: MemberLink, _ id: MemberID) { ask({ $0.drain(id) }, then: { link.shell.drains(version: $0) }) }

    /// The version in which a change is worked in; none when the registration is gone.
    private func ask(_ change: @escaping @Sendable (Registrar<TableBuilder>) -> UInt64?, then: @escaping @Sendable (UInt64) -> Void) {
        let registrar = context.registrar
        registrar.eventLoop.execute {
            guard let version = change(registrar) else { return }
            self.onLoop { then(version) }
        }
    }

    /// Runs on this loop, in a turn.
    func onLoop(_ body: @escaping @Sendable () -> Void) {
        loop.eventLoop.execute {
            self.loop.enterTurn()
            body()
        }
    }

    /// The live link of this loop with that registration.
    func member(_ id: MemberID) -> MemberLink? { peers.link(of: id.raw) }
}
