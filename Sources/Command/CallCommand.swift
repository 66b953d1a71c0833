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
        abstract: "Make one Thrift call and print the answer.",
        discussion: """
            Calls `rpc` (or --method) with a ProtoRequest, and prints the content of \
            the ProtoReply: as text when it is UTF-8, else as hex. A result that is \
            not 0 is told on standard error.

              switchyard call --type 7 --body hello
              switchyard call --to 10.0.1.1:9100 --type 8 --hex 'de ad be ef' --sharding 42

            Exit codes: 0 answered; 1 an exception, no answer, or not reachable (one \
            line on standard error says which); 64 usage.
            """
    )

    @Option(help: ArgumentHelp("A Thrift server or RPC proxy: host:port, [v6]:port or unix:/path.", valueName: "address"))
    var to = Endpoint.host("127.0.0.1", port: 7300)

    @Option(help: ArgumentHelp("The request's type, 32 bits with sign.", valueName: "number"))
    var type: Int32

    @Option(help: ArgumentHelp("The content as text. Without --body and --hex it is empty.", valueName: "text"))
    var body: String?

    @Option(help: ArgumentHelp("The content as hex digits; white space is allowed.", valueName: "hex"))
    var hex: String?

    @Option(help: ArgumentHelp("The request's sharding_id.", valueName: "number"))
    var sharding: Int64 = 0

    @Option(help: ArgumentHelp("How long to wait for the answer, connecting included: 250ms, 2s, 1m.", valueName: "duration"))
    var wait = Wait.call

    @Option(help: ArgumentHelp("The method; service:method multiplexes.", valueName: "name"))
    var method = "rpc"

    @Option(help: "framed, unframed or header.")
    var transport = ThriftTransport.framed

    @Option(name: .customLong("protocol"), help: "binary, binaryOld or compact.")
    var encoding = ThriftProtocol.binary

    func validate() throws {
        if body != nil, hex != nil { throw ValidationError("--body and --hex are two ways to say the same; give one") }
        _ = try bytes()
    }

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
            let reply = try await exchange(ProtoRequest(type: type, content: ByteBuffer(bytes: try bytes()), shardingID: sharding))
            if reply.result != 0 { Terminal.tell("result: \(reply.result)") }
            print(BodyText.text(reply.content.readableBytesView) ?? HexText.text(reply.content.readableBytesView))
        } catch let exception as ThriftException {
            throw failure("exception \(exception.kind.rawValue): \(exception)")
        } catch let error as RPCError {
            throw failure(error.code == .deadline ? "deadline: no answer within \(wait.text) from \(to)" : "\(error)")
        }
    }

    private func exchange(_ request: ProtoRequest) async throws -> ProtoReply {
        var settings = RPCClientSettings(to: [to])
        settings.transport = transport
        settings.protocol = encoding
        settings.connections = 1
        // What goes wrong is told by the call's own outcome.
        settings.logger = Logger(label: "call") { _ in SwiftLogNoOpLogHandler() }
        let client = RPCClient(settings)
        do {
            let reply = try await client.call(request, method: method, timeout: TimeAmount(wait.duration))
            await client.close(within: .zero)
            return reply
        } catch {
            await client.close(within: .zero)
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
