import Logging
import Synchronization

/// What is logged and in which form, for every logger of the process; a reload changes it while they stand (rule S26).
public final class LogSwitch: Sendable {
    private let levelIndex: Atomic<Int>
    private let json: Atomic<Bool>

    public init(_ log: ProcessSettings.Log) {
        levelIndex = Atomic(LogSwitch.index(log.level))
        json = Atomic(log.format == .json)
    }

    public func update(_ log: ProcessSettings.Log) {
        levelIndex.store(LogSwitch.index(log.level), ordering: .relaxed)
        json.store(log.format == .json, ordering: .relaxed)
    }

    var level: Logger.Level { Logger.Level.allCases[levelIndex.load(ordering: .relaxed)] }
    var isJSON: Bool { json.load(ordering: .relaxed) }

    private static func index(_ level: Logger.Level) -> Int { Logger.Level.allCases.firstIndex(of: level) ?? 0 }
}
