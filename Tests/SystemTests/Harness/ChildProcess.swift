import Foundation
import Synchronization

/// A process that the test started: its output by lines, signals, exit code. Killed at the latest by ``end()``.
final class ChildProcess: Sendable {
    private struct State {
        var output: [String] = []
        var errors: [String] = []
        var status: Int32?
        var openPipes = 2
    }

    let pid: pid_t
    private let state = Mutex(State())

    /// - Parameter environment: added to this process's own.
    init(_ executable: String, _ arguments: [String], environment: [String: String] = [:]) throws {
        Leaks.remember(Leaks.secrets(in: environment))
        var output: [Int32] = [0, 0]
        var errors: [Int32] = [0, 0]
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)

        // The threads of a test run block signals; a child is to hear them as it would from a shell.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

        let merged = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        var argv = ([executable] + arguments).map { strdup($0) } + [nil]
        var envp = merged.map { strdup("\($0)=\($1)") } + [nil]
        defer { for text in argv + envp { free(text) } }
        var pid: pid_t = 0
        let fault = try Inheritance.lock.withLock { _ in
            guard pipe(&output) == 0, pipe(&errors) == 0 else { throw Unmet("pipe: \(String(cString: strerror(errno)))") }
            for descriptor in output + errors { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
            posix_spawn_file_actions_adddup2(&actions, output[1], 1)
            posix_spawn_file_actions_adddup2(&actions, errors[1], 2)
            return posix_spawnp(&pid, executable, &actions, &attributes, &argv, &envp)
        }
        close(output[1])
        close(errors[1])
        guard fault == 0 else { throw Unmet("start \(executable): \(String(cString: strerror(fault)))") }
        self.pid = pid

        let (outputEnd, errorsEnd) = (output[0], errors[0])
        Thread.detachNewThread { [self] in collect(outputEnd) { state, line in state.output.append(line) } }
        Thread.detachNewThread { [self] in collect(errorsEnd) { state, line in state.errors.append(line) } }
        Thread.detachNewThread { [self] in reap() }
    }

    /// Lines of stdout so far.
    var output: [String] { state.withLock { $0.output } }
    /// Lines of stderr so far.
    var errors: [String] { state.withLock { $0.errors } }
    var hasExited: Bool { state.withLock { $0.status != nil } }

    /// The exit code, or minus the signal that killed it, once it has ended and said all it had to say.
    func exitCode(within limit: Duration = .seconds(10)) throws -> Int32 {
        let status = try obtain("process \(pid) ends", within: limit) { state.withLock { $0.openPipes == 0 ? $0.status : nil } }
        return status & 0x7F == 0 ? (status >> 8) & 0xFF : -(status & 0x7F)
    }

    func signal(_ number: Int32) {
        // The lock keeps `reap` from freeing the pid in between.
        state.withLock { if $0.status == nil { kill(pid, number) } }
    }

    func end() {
        signal(SIGKILL)
        _ = try? exitCode(within: .seconds(5))
    }

    /// The line of stdout with that prefix, without it, once it is there.
    func outputLine(_ prefix: String, within limit: Duration = .seconds(10)) throws -> String {
        try obtain("stdout says `\(prefix)`; so far: \(output), stderr: \(errors.suffix(20))", within: limit) {
            if let line = output.first(where: { $0.hasPrefix(prefix) }) { return String(line.dropFirst(prefix.count)) }
            if hasExited, let code = try? exitCode(within: .seconds(1)), !output.contains(where: { $0.hasPrefix(prefix) }) {
                throw Unmet("the process ended with \(code) before it said `\(prefix)`: \(errors.suffix(20))")
            }
            return nil
        }
    }

    private func collect(_ descriptor: Int32, _ add: (inout State, String) -> Void) {
        var pending: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            pending += chunk[..<count]
            while let end = pending.firstIndex(of: 10) {
                Leaks.search(Array(pending[..<end]), of: "a process")
                let line = String(decoding: pending[..<end], as: UTF8.self)
                pending.removeSubrange(...end)
                state.withLock { add(&$0, line) }
            }
        }
        close(descriptor)
        Leaks.search(pending, of: "a process")
        state.withLock { state in
            if !pending.isEmpty { add(&state, String(decoding: pending, as: UTF8.self)) }
            state.openPipes -= 1
        }
    }

    private func reap() {
        while true {
            // WNOWAIT leaves the pid taken until the lock is held.
            var info = siginfo_t()
            guard waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) == 0 || errno != EINTR else { continue }
            state.withLock { state in
                var status: Int32 = 0
                waitpid(pid, &status, 0)
                state.status = status
            }
            return
        }
    }
}
