import ArgumentParser
import Bench
import Links

struct BenchRPCHubCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rpchub",
        abstract: "Load an RPC hub with calls that its agents answer.",
        discussion: """
            Registers every connection as a caller and makes calls of one RPC id; \
            reports calls per second and latency. Something must serve the id: an \
            agent in front of a Thrift server, or one that answers by itself.

            As much as 16 calls in flight on each of 64 callers allow:

              switchyard bench rpchub --rpc 1

            Ctrl-C ends early with the result so far. Exit codes: 0 every call \
            was answered; 1 some were not, or a connection failed (one line on \
            standard error says which); 64 usage.
            """
    )

    @Option(help: ArgumentHelp("The hub's port for callers: host:port, [v6]:port or unix:/path.", valueName: "address"))
    var to = Endpoint.host("127.0.0.1", port: 7400)

    @OptionGroup var options: BenchOptions

    @Option(help: ArgumentHelp("The RPC id.", valueName: "number"))
    var rpc: UInt32 = 1

    @Option(help: ArgumentHelp("The requests' type.", valueName: "number"))
    var type: Int32 = 7

    @Option(help: ArgumentHelp("The join token: env:NAME or file:PATH.", valueName: "source"))
    var join: JoinToken?

    func validate() throws {
        let sizes = BenchPlan.hubCallSizes
        guard sizes.contains(options.size) else {
            throw ValidationError("--size is \(options.size); it must be \(sizes.lowerBound) ... \(sizes.upperBound)")
        }
    }

    func run() async throws {
        let plan = options.plan(to: to)
        let (rpc, type, token) = (rpc, type, join?.bytes ?? [])
        try await options.report { onProgress in try await benchHubCalls(plan, rpc: rpc, type: type, token: token, onProgress: onProgress) }
    }
}
