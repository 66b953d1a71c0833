import Synchronization

/// Counts clients in and out over all event loops, and refuses one too many (rule S16).
package final class Admission: Sendable {
    /// Clients that were admitted and are not gone.
    private let clients = Atomic<Int>(0)
    /// Clients of each address; kept whether they are limited or not, because a limit may come while they stand.
    private let addresses = Mutex<[String: Int]>([:])
    private let connections: Atomic<Int>
    private let perAddress: Atomic<Int>

    package init(_ limits: ClientLimits) {
        connections = Atomic(limits.connections ?? .max)
        perAddress = Atomic(limits.perAddress ?? .max)
    }

    /// Other limits for those who come from here on; who was admitted stays (rule S26).
    package func update(_ limits: ClientLimits) {
        connections.store(limits.connections ?? .max, ordering: .relaxed)
        perAddress.store(limits.perAddress ?? .max, ordering: .relaxed)
    }

    package var count: Int { clients.load(ordering: .relaxed) }

    /// Counts a client of that address in, unless it would be one too many.
    package func admit(_ address: String) -> Bool {
        let count = clients.wrappingAdd(1, ordering: .relaxed).newValue
        if count <= connections.load(ordering: .relaxed), admitAddress(address) { return true }
        clients.wrappingSubtract(1, ordering: .relaxed)
        return false
    }

    private func admitAddress(_ address: String) -> Bool {
        // Unix sockets have no address to count by.
        guard !address.isEmpty else { return true }
        let limit = perAddress.load(ordering: .relaxed)
        return addresses.withLock { addresses in
            guard addresses[address, default: 0] < limit else { return false }
            addresses[address, default: 0] += 1
            return true
        }
    }

    /// Counts an admitted client out.
    package func release(_ address: String) {
        clients.wrappingSubtract(1, ordering: .relaxed)
        addresses.withLock { addresses in
            guard let count = addresses[address] else { return }
            addresses[address] = count > 1 ? count - 1 : nil
        }
    }
}
