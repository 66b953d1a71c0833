import Foundation
import Reactors

/// What the defaults of a configuration are made of.
public struct Machine: Sendable, Equatable {
    public var hostName: String
    /// Processors that this process may use.
    public var cores: Int
    /// Bytes that this process may use: of the machine, or of its cgroup if that has less.
    public var memory: Int

    public init(hostName: String, cores: Int, memory: Int) {
        self.hostName = hostName
        self.cores = cores
        self.memory = memory
    }

    /// This machine.
    public static var current: Machine {
        let physical = Int(clamping: ProcessInfo.processInfo.physicalMemory)
        return Machine(hostName: currentHostName, cores: Processors.count, memory: ControlGroup(root: "/").memory(upTo: physical))
    }

    // `ProcessInfo.hostName` asks the resolver, which can take seconds.
    private static var currentHostName: String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0, buffer[0] != 0 else { return "switchyard" }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}

/// The memory limit of the process's Linux control group, version 1 or 2. A limit holds for everything below it, so the smallest on the way up counts.
struct ControlGroup {
    /// `/`, except in tests.
    var root: String

    func memory(upTo machine: Int) -> Int { limits.reduce(machine) { min($0, $1) } }

    private var limits: [Int] {
        // A container sees its own group at the mount point, whatever path `/proc` names.
        var limits = [read("sys/fs/cgroup/memory.max"), read("sys/fs/cgroup/memory/memory.limit_in_bytes")]
        for line in (contents("proc/self/cgroup") ?? "").split(separator: "\n") {
            // hierarchy:controllers:path
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            let isUnified = fields[0] == "0" && fields[1].isEmpty
            guard isUnified || fields[1].split(separator: ",").contains("memory") else { continue }
            var path = fields[2].split(separator: "/")
            while !path.isEmpty {
                let group = path.joined(separator: "/")
                limits.append(isUnified ? read("sys/fs/cgroup/\(group)/memory.max") : read("sys/fs/cgroup/memory/\(group)/memory.limit_in_bytes"))
                path.removeLast()
            }
        }
        return limits.compactMap { $0 }
    }

    /// A number of bytes; `max` and what is not there are nil.
    private func read(_ path: String) -> Int? {
        guard let limit = contents(path).flatMap({ UInt64($0.trimmingCharacters(in: .whitespacesAndNewlines)) }), limit > 0 else { return nil }
        return Int(clamping: limit)
    }

    private func contents(_ path: String) -> String? { try? String(contentsOfFile: (root as NSString).appendingPathComponent(path), encoding: .utf8) }
}
