package import Routing
package import Wire

extension HubChoice.Reach {
    /// What a hub has listed; a range that is none is passed over.
    package init(_ peers: Peers) {
        self =
            switch peers {
            case .everything: .everything
            case .ranges(let ranges): .ranges(ranges.compactMap { $0.lo <= $0.hi ? $0.lo...$0.hi : nil })
            }
    }
}
