package import Links
import Logging
import Routing

extension EventLog {
    /// Says what happened to an upstream, in one line for each kind of event.
    /// - Parameter owner: whose upstream it is: `route chat`.
    package func upstream(_ event: UpstreamEvent, of owner: String) {
        switch event {
        case .up(let name): self.event("up", level: .debug, "upstream \(name) of \(owner): connected")
        case .down(let name, let reason): self.event("down", level: .info, "upstream \(name) of \(owner): connection \(reason)")
        case .unreachable(let name, let reason): self.event("dial", "upstream \(name) of \(owner): cannot connect: \(reason); trying again")
        case .ejected(let name, let time):
            self.event("ejected", "upstream \(name) of \(owner) failed \(Ejections.patience) times in a row; left out for \(time) ms")
        case .returned(let name): self.event("returned", level: .info, "upstream \(name) of \(owner) answers again; taken back in")
        case .broken(let name, let reason): self.event("broken", "upstream \(name) of \(owner): closing its connection: \(reason)")
        case .unresolved(let reason): self.event("resolve", "\(owner): \(reason); trying again")
        }
    }
}
