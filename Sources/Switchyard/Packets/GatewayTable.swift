import Synchronization

/// Which links lead to which edge. Changed when an edge is first heard over a link and when a link ends, read by pushes to users.
final class GatewayTable: Sendable {
    private let links = Mutex<[UInt32: [LinkHandle]]>([:])

    func add(_ handle: LinkHandle, es: UInt32) { links.withLock { $0[es, default: []].append(handle) } }

    func remove(_ handle: LinkHandle) {
        links.withLock { links in
            for es in links.keys {
                links[es]?.removeAll { $0 === handle }
                if links[es]?.isEmpty == true { links[es] = nil }
            }
        }
    }

    /// One link for each edge, or for the one that is asked for.
    func routes(es: UInt32?) -> [(es: UInt32, handle: LinkHandle)] {
        links.withLock { links in
            links.compactMap { entry in
                guard es == nil || entry.key == es, let handle = entry.value.first else { return nil }
                return (entry.key, handle)
            }
        }
    }
}
