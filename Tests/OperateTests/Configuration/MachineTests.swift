import Foundation
import Testing

@testable import Operate

@Suite("Configuration: memory of the machine")
struct MachineTests {
    @Test(
        "S13: the smallest limit of the control group and everything above it counts",
        arguments: [
            ([:], 1000), (["sys/fs/cgroup/memory.max": "500\n"], 500), (["sys/fs/cgroup/memory.max": "max\n"], 1000),
            (["proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/memory.max": "300\n"], 300),
            (["proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "200\n", "sys/fs/cgroup/a/memory.max": "300\n"], 200),
            (["proc/self/cgroup": "9:name=systemd:/\n4:cpu,memory:/c\n", "sys/fs/cgroup/memory/c/memory.limit_in_bytes": "700\n"], 700),
            (["sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"], 1000),
            (["sys/fs/cgroup/memory/memory.limit_in_bytes": "18446744073709551615\n"], 1000), (["sys/fs/cgroup/memory.max": "many\n"], 1000),
        ] as [([String: String], Int)])
    func controlGroup(files: [String: String], expected: Int) throws {
        let root = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString, isDirectory: true)
        defer { try? FileManager.default.removeItem(at: root) }
        for (path, contents) in files {
            let file = root.appendingPathComponent(path)
            try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(contents.utf8).write(to: file)
        }
        #expect(ControlGroup(root: root.path).memory(upTo: 1000) == expected)
    }

    @Test("This machine has something to go by")
    func current() {
        let machine = Machine.current
        #expect(!machine.hostName.isEmpty)
        #expect(machine.cores >= 1)
        #expect(machine.memory > 1 << 20)
    }
}
