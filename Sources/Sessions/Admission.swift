import Synchronization

/// Counts clients in and out over all event loops, and refuses one too many (rule S16).
package final class Admission: Sendable {
    /// Clients that were admitted and are not gone.
    private let clients = Atomic<Int>(0)
    /// Clients of each address; kept only when they are limited.
    private let addresses = Mutex<[String: Int]>([:])
    private let connections: Int
    private let perAddress: Int?

    package init(_ limits: ClientLimits) {
        connections = limits.connections ?? .max
        perAddress = limits.perAddress
    }

    package var count: Int { clients.load(ordering: .relaxed) }

    /// Counts a client of that address in, unless it would be one too many.
    package func admit(_ address: String) -> Bool {
        let count = clients.wrappingAdd(1, ordering: .relaxed).newValue
        if count <= connections, admitAddress(address) { return true }
        clients.wrappingSubtract(1, ordering: .relaxed)
        return false
    }

    private func admitAddress(_ address: String) -> Bool {
        // Unix sockets have no address to count by.
        guard let perAddress, !address.isEmpty else { return true }
        return addresses.withLock { addresses in
            guard addresses[address, default: 0] < perAddress else { return false }
            addresses[address, default: 0] += 1
            return true
        }
    }

    /// Counts an admitted client out.
    package func release(_ address: String) {
        clients.wrappingSubtract(1, ordering: .relaxed)
        guard perAddress != nil else { return }
        addresses.withLock { addresses in
            guard let count = addresses[address] else { return }
            addresses[address] = count > 1 ? count - 1 : nil
        }
    }
}
