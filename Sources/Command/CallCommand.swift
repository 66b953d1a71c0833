public import ArgumentParser
import Links
import Logging
import NIOCore
import Operate
import Switchyard
public import Wire

struct CallCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "call",
        abstract: "Make one Thrift call, or one call through an RPC hub, and print the answer.",
        discussion: """
            Calls `rpc` (or --method) with a ProtoRequest, and prints the content of \
            the ProtoReply: as text when it is UTF-8, else as hex. A result that is \
            not 0 is told on standard error.

              switchyard call --type 7 --body hello
              switchyard call --to 10.0.1.1:9100 --type 8 --hex 'de ad be ef' --sharding 42
              switchyard call --hub --rpc 1 --type 7 --body hello

            With --hub the call goes to an agent of that RPC id, whatever serves it.

            Exit codes: 0 answered; 1 an exception, no answer, or not reachable (one \
            line on standard error says which); 64 usage.
            """
    )

    @Option(
        help: ArgumentHelp(
            "A Thrift server, an RPC proxy or an RPC hub: host:port, [v6]:port or unix:/path. (default: 127.0.0.1:7300; with --hub 127.0.0.1:7400)",
            valueName: "address"))
    var to: Endpoint?

    @Flag(help: "Call through an RPC hub.")
    var hub = false

    @Option(help: ArgumentHelp("With --hub: the RPC id.", valueName: "number"))
    var rpc: UInt32?

    @Option(help: ArgumentHelp("With --hub: the join token, as env:NAME or file:PATH.", valueName: "source"))
    var join: JoinToken?

    // Unconditional: a negative number is no option.
    @Option(parsing: .unconditional, help: ArgumentHelp("The request's type, 32 bits with sign.", valueName: "number"))
    var type: Int32

    @Option(help: ArgumentHelp("The content as text. Without --body and --hex it is empty.", valueName: "text"))
    var body: String?

    @Option(help: ArgumentHelp("The content as hex digits; white space is allowed.", valueName: "hex"))
    var hex: String?

    @Option(parsing: .unconditional, help: ArgumentHelp("The request's sharding_id.", valueName: "number"))
    var sharding: Int64 = 0

    @Option(help: ArgumentHelp("How long to wait for the answer, connecting included: 250ms, 2s, 1m.", valueName: "duration"))
    var wait = Wait.call

    @Option(help: ArgumentHelp("The method; service:method multiplexes. (default: rpc)", valueName: "name"))
    var method: String?

    @Option(help: "framed, unframed or header. (default: framed)")
    var transport: ThriftTransport?

    @Option(name: .customLong("protocol"), help: "binary, binaryOld or compact. (default: binary)")
    var encoding: ThriftProtocol?

    func validate() throws {
        if body != nil, hex != nil { throw ValidationError("--body and --hex are two ways to say the same; give one") }
        if hub, rpc == nil { throw ValidationError("--hub needs --rpc, the RPC id to call") }
        if hub, method != nil || transport != nil || encoding != nil {
            throw ValidationError("--method, --transport and --protocol are Thrift's; a call with --hub goes without them")
        }
        if !hub, rpc != nil || join != nil { throw ValidationError("--rpc and --join go with --hub") }
        _ = try bytes()
    }

    private var address: Endpoint { to ?? .host("127.0.0.1", port: hub ? 7400 : 7300) }

    private func bytes() throws -> [UInt8] {
        guard let hex else { return Array((body ?? "").utf8) }
        do {
            return try HexText.bytes(hex)
        } catch {
            throw ValidationError("--hex: \(error.description)")
        }
    }

    func run() async throws {
        do {
            let request = ProtoRequest(type: type, content: ByteBuffer(bytes: try bytes()), shardingID: sharding)
            let reply: ProtoReply
            if let rpc { reply = try await throughHub(rpc, request) } else { reply = try await exchange(request) }
            if reply.result != 0 { Terminal.tell("result: \(reply.result)") }
            print(BodyText.text(reply.content.readableBytesView) ?? HexText.text(reply.content.readableBytesView))
        } catch let exception as ThriftException {
            throw failure("exception \(exception.kind.rawValue): \(exception)")
        } catch let error as RPCError {
            throw failure(error.code == .deadline && rpc == nil ? "deadline: no answer within \(wait.text) from \(address)" : "\(error)")
        }
    }

    private func exchange(_ request: ProtoRequest) async throws -> ProtoReply {
        var settings = RPCClientSettings(to: [address])
        settings.transport = transport ?? .framed
        settings.protocol = encoding ?? .binary
        settings.connections = 1
        // What goes wrong is told by the call's own outcome.
        settings.logger = Logger(label: "call") { _ in SwiftLogNoOpLogHandler() }
        let client = RPCClient(settings)
        do {
            let reply = try await client.call(request, method: method ?? "rpc", timeout: TimeAmount(wait.duration))
            await client.close(within: .zero)
            return reply
        } catch {
            await client.close(within: .zero)
            throw error
        }
    }

    private func throughHub(_ rpc: UInt32, _ request: ProtoRequest) async throws -> ProtoReply {
        var settings = CallerSettings(hubs: [address])
        settings.token = join?.bytes ?? []
        settings.name = "call"
        settings.timeout = TimeAmount(wait.duration)
        // Why a hub refuses is only in the log.
        var logger = Logger(label: "call") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .warning
        let caller = RPCHubCaller(settings, logger: logger)
        try await caller.start()
        do {
            let reply = try await caller.call(rpcID: rpc, request: request)
            await caller.stop(within: .seconds(1))
            return reply
        } catch {
            await caller.stop(within: .zero)
            throw error
        }
    }

    private func failure(_ line: String) -> ExitCode {
        Terminal.tell(BodyText.text(line.utf8) ?? HexText.text(line.utf8))
        return ExitCode(1)
    }
}

extension ThriftTransport: ExpressibleByArgument {}
extension ThriftProtocol: ExpressibleByArgument {}
