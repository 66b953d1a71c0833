import ArgumentParser
import Bench
import Links

struct BenchRPCCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rpc",
        abstract: "Load a Thrift server, or an RPC proxy, with calls.",
        discussion: """
            Makes calls over many connections, framed and binary, and reports \
            calls per second and latency. The argument is a ProtoRequest with \
            the given type and a content of the given size.

            As much as 16 calls in flight on each of 64 connections allow:

              switchyard bench rpc

            10000 calls per second, whatever the proxy does, for a script:

              switchyard bench rpc --rate 10000 --seconds 60 --json

            Ctrl-C ends early with the result so far. Exit codes: 0 every call \
            was answered; 1 some were not, or got an exception, or a connection \
            failed (one line on standard error says which); 64 usage.
            """
    )

    @Option(help: ArgumentHelp("The server or proxy: host:port, [v6]:port or unix:/path.", valueName: "address"))
    var to = Endpoint.host("127.0.0.1", port: 7300)

    @OptionGroup var options: BenchOptions

    @Option(help: ArgumentHelp("The requests' type.", valueName: "number"))
    var type: Int32 = 7

    @Option(help: ArgumentHelp("The method, service: in front of it where the server multiplexes.", valueName: "name"))
    var method = "rpc"

    func validate() throws {
        let sizes = BenchPlan.callSizes
        guard sizes.contains(options.size) else {
            throw ValidationError("--size is \(options.size); it must be \(sizes.lowerBound) ... \(sizes.upperBound)")
        }
        guard !method.isEmpty, method.utf8.count <= 1000 else { throw ValidationError("--method needs a name of at most 1000 bytes") }
    }

    func run() async throws {
        let plan = options.plan(to: to)
        let (method, type) = (method, type)
        try await options.report { onProgress in try await benchCalls(plan, method: method, type: type, onProgress: onProgress) }
    }
}
