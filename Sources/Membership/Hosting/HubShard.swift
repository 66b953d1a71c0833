package import Links
import NIOCore
package import Telemetry

/// One event loop of a hub, as far as all hubs are alike.
///
/// `Sendable` because it is confined to ``loop``'s event loop, where it is called unless said otherwise.
package protocol HubShard: AnyObject, Sendable {
    associatedtype Tables: MembershipTables
    associatedtype MemberLink: HubMember
    var loop: LinkLoop { get }
    var context: HubContext<Tables> { get }
    /// What other loops post.
    var mailbox: Mailbox! { get }
    /// All loops, this one included; set once before anything is served.
    var shards: [Self] { get set }
    var roster: Roster<MemberLink> { get }
    func take(_ table: Tables.Table)
    /// The live link of this loop with that registration.
    func member(_ id: MemberID) -> MemberLink?
    /// The hub leaves, and the link of that registration is to hear it.
    func sayDrain(_ id: MemberID, milliseconds: UInt32)
    func samples() -> [Sample]
}

extension HubShard {
    /// That version of the table is on every loop.
    package func published(_ version: UInt64) {
        loop.enterTurn()
        // What other loops have sent before they took the table comes before what is said now.
        mailbox.collect()
        roster.published(version)
    }

    // MARK: - From any thread

    /// Runs on this loop, in a turn.
    package func onLoop(_ body: @escaping @Sendable () -> Void) {
        loop.eventLoop.execute {
            self.loop.enterTurn()
            body()
        }
    }

    /// What this loop says, on the loop, between turns; nil when it has ended.
    package func answer<Answer: Sendable>(_ question: @escaping @Sendable (Self) -> Answer) async -> Answer? {
        try? await loop.eventLoop.submit { question(self) }.get()
    }

    // MARK: - Asking the registrar, which lives on a loop of its own

    package func register(_ member: Member, at endpoint: Tables.Endpoint, then: @escaping @Sendable (Registrar<Tables>.Answer) -> Void) {
        let registrar = context.registrar
        registrar.eventLoop.execute {
            let answer = registrar.register(member, at: endpoint)
            self.onLoop { then(answer) }
        }
    }

    /// - Parameter then: gets the version in which the change is worked in; not called when the registration is gone.
    package func ask(_ change: @escaping @Sendable (Registrar<Tables>) -> UInt64?, then: @escaping @Sendable (UInt64) -> Void) {
        let registrar = context.registrar
        registrar.eventLoop.execute {
            guard let version = change(registrar) else { return }
            self.onLoop { then(version) }
        }
    }
}
