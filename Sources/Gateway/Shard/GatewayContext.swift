import Links
import Logging
import NIOCore
import NIOPosix
import Synchronization

/// What all loops of one gateway share.
final class GatewayContext: Sendable {
    let settings: GatewaySettings
    let logger: Logger
    let memory: MemoryBudget
    /// What each loop holds of it.
    let memoryShares: [MemoryBudget.Share]
    /// Clients that were admitted and are not gone, over all loops.
    let clients = Atomic<Int>(0)
    /// Bytes that wait for each route (`waitBytes`), over all loops.
    let waitingBytes: [SharedCount]
    /// Upstream addresses that have heard that every earlier session is gone.
    private let announced = Mutex<Set<String>>([])
    /// Client links for each address; kept only when `perAddress` is limited.
    private let addresses = Mutex<[String: Int]>([:])

    init(settings: GatewaySettings, memory: MemoryBudget, logger: Logger, loops: Int) {
        self.settings = settings
        self.logger = logger
        self.memory = memory
        memoryShares = (0..<loops).map { _ in memory.share() }
        waitingBytes = settings.routes.map { _ in SharedCount() }
    }

    /// The loop whose queues hold most.
    var fullestLoop: Int { memoryShares.indices.max { memoryShares[$0].bytes < memoryShares[$1].bytes } ?? 0 }

    /// True for the first connection to that address in the process's life, whichever route it is of (rule S12).
    func announce(_ address: String) -> Bool { announced.withLock { $0.insert(address).inserted } }

    /// The announcement was still queued when its link died.
    func withdrawAnnouncement(_ address: String) { announced.withLock { _ = $0.remove(address) } }

    /// Counts a client of that address in, unless it would be one too many (rule S16).
    func admit(_ address: String) -> Bool {
        let limits = settings.limits
        let count = clients.wrappingAdd(1, ordering: .relaxed).newValue
        let fits = count <= limits.connections ?? .max
        if fits, admitAddress(address, limit: limits.perAddress) { return true }
        clients.wrappingSubtract(1, ordering: .relaxed)
        return false
    }

    private func admitAddress(_ address: String, limit: Int?) -> Bool {
        // Unix sockets have no address to count by.
        guard let limit, !address.isEmpty else { return true }
        return addresses.withLock { addresses in
            guard addresses[address, default: 0] < limit else { return false }
            addresses[address, default: 0] += 1
            return true
        }
    }

    /// Counts an admitted client out.
    func release(_ address: String) {
        clients.wrappingSubtract(1, ordering: .relaxed)
        guard settings.limits.perAddress != nil else { return }
        addresses.withLock { addresses in
            guard let count = addresses[address] else { return }
            addresses[address] = count > 1 ? count - 1 : nil
        }
    }
}

/// A count that several loops change.
final class SharedCount: Sendable {
    let value = Atomic<Int>(0)
}
