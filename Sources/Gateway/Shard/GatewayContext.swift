import Links
import Logging
import NIOCore
import NIOPosix
import Sessions
import Synchronization

/// What all loops of one gateway share.
final class GatewayContext: Sendable {
    let settings: GatewaySettings
    let logger: Logger
    let memory: MemoryBudget
    /// What each loop holds of it.
    let memoryShares: [MemoryBudget.Share]
    let admission: Admission
    /// Bytes that wait for each route (`waitBytes`), over all loops.
    let waitingBytes: [SharedCount]
    /// Upstream addresses that have heard that every earlier session is gone.
    private let announced = Mutex<Set<String>>([])

    /// What the hubs are known by in ``announce(_:)``.
    static let hubs = "hubs"
    /// What no hub could be told yet.
    let keptClosings = KeptClosings()

    init(settings: GatewaySettings, memory: MemoryBudget, logger: Logger, loops: Int) {
        self.settings = settings
        self.logger = logger
        self.memory = memory
        admission = Admission(settings.limits)
        memoryShares = (0..<loops).map { _ in memory.share() }
        // The last two: hubs and none.
        waitingBytes = (0..<settings.routes.count + 2).map { _ in SharedCount() }
    }

    /// The loop whose queues hold most.
    var fullestLoop: Int { memoryShares.indices.max { memoryShares[$0].bytes < memoryShares[$1].bytes } ?? 0 }

    /// True for the first connection to that address in the process's life, whichever route it is of (rule S12).
    func announce(_ address: String) -> Bool { announced.withLock { $0.insert(address).inserted } }

    /// The announcement was still queued when its link died.
    func withdrawAnnouncement(_ address: String) { announced.withLock { _ = $0.remove(address) } }
}

/// A count that several loops change.
final class SharedCount: Sendable {
    let value = Atomic<Int>(0)
}
