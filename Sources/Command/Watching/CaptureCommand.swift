import ArgumentParser
import Foundation
import NIOCore
import Synchronization

struct CaptureCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "capture",
        abstract: "Write what the links of a running process carry as pcapng, for Wireshark.",
        discussion: """
            Takes the bytes as the process reads and writes them, so links with TLS \
            are readable, too. Needs the admin token, and holds what users say: \
            treat the file accordingly.

              switchyard capture --out edge.pcapng --seconds 10
              wireshark -X lua_script:tools/switchyard.lua edge.pcapng

            Ends after the time, or at the size. Ctrl-C ends early, with what came. \
            Exit codes: 0 written; 1 refused or not reachable; 64 usage.
            """)

    @Option(help: ArgumentHelp("The file; - is standard output.", valueName: "file"))
    var out: String

    @Option(help: ArgumentHelp("How long: 1 to 300.", valueName: "seconds"))
    var seconds = 30

    @Option(help: ArgumentHelp("The most that is written, in MiB: 1 to 1024.", valueName: "MiB"))
    var size = 64

    @Option(
        help: ArgumentHelp("Only links of that side: clients, route, hub, edges, services, callers, agents, thrift, upstream.", valueName: "side"))
    var side: String?

    @OptionGroup var options: AdminOptions

    func validate() throws {
        if !(1...300).contains(seconds) { throw ValidationError("--seconds is \(seconds); it must be 1 ... 300") }
        if !(1...1024).contains(size) { throw ValidationError("--size is \(size); it must be 1 ... 1024") }
        if let side, !side.allSatisfy(\.isLetter) { throw ValidationError("--side is \(side); it is one word") }
    }

    func run() async throws {
        let file: FileHandle
        if out == "-" {
            file = .standardOutput
        } else {
            // Readable by its owner alone: it holds what users say.
            guard FileManager.default.createFile(atPath: out, contents: nil, attributes: [.posixPermissions: 0o600]),
                let opened = FileHandle(forWritingAtPath: out)
            else {
                Terminal.tell("\(out) cannot be written")
                throw ExitCode(1)
            }
            file = opened
        }
        let path = "/capture?seconds=\(seconds)&bytes=\(size << 20)" + (side.map { "&side=\($0)" } ?? "")
        let total = Mutex(0)
        try await options.request("POST", path) { bytes in
            try file.write(contentsOf: Data(bytes.readableBytesView))
            total.withLock { $0 += bytes.readableBytes }
            return true
        }
        Terminal.tell("\(total.withLock { $0 }) bytes of pcapng")
    }
}
