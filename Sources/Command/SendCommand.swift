import ArgumentParser
import Bench
import Links
import Operate
import Wire

struct SendCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "send",
        abstract: "Send one packet to a gateway and print the answer.",
        discussion: """
            Connects, sends one packet, and prints the body of the first packet \
            that comes back: as text when it is UTF-8, else as hex.

              switchyard send --type 7 --body hello
              switchyard send --to 10.0.0.5:7000 --type 0x64 --hex 'de ad be ef'

            Exit codes: 0 answered; 1 undelivered, rejected, silent or not \
            reachable (one line on standard error says which); 64 usage.
            """
    )

    @Option(help: ArgumentHelp("The gateway: host:port, [v6]:port or unix:/path.", valueName: "address"))
    var to = Endpoint.host("127.0.0.1", port: 7000)

    @Option(help: ArgumentHelp("The packet's type: 0 to 65279 (0xFEFF); higher ones are control packets.", valueName: "number"))
    var type: PacketType

    @Option(help: ArgumentHelp("The body as text. Without --body and --hex it is empty.", valueName: "text"))
    var body: String?

    @Option(help: ArgumentHelp("The body as hex digits; white space is allowed.", valueName: "hex"))
    var hex: String?

    @Option(help: ArgumentHelp("User_id of the header.", valueName: "number"))
    var user: UInt64 = 0

    @Option(help: ArgumentHelp("Token of the header.", valueName: "number"))
    var token: UInt32 = 0

    @Option(help: ArgumentHelp("How long to wait for the connection, and then for the answer: 250ms, 2s, 1m.", valueName: "duration"))
    var wait = Wait.standard

    func validate() throws {
        if body != nil, hex != nil { throw ValidationError("--body and --hex are two ways to say the same; give one") }
        let count = try bytes().count
        guard count <= PacketHeader.maxBody else {
            throw ValidationError("the body has \(count) bytes; at most \(PacketHeader.maxBody) fit a packet")
        }
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
        switch try await exchange(try bytes()) {
        case .answer(let body):
            print(BodyText.text(body) ?? HexText.text(body))
        case .undelivered(let undelivered): throw failure("undelivered", undelivered.code, undelivered.reason)
        case .rejected(let reject): throw failure("rejected", reject.code, reject.reason)
        case .silence: throw failure("no answer within \(wait.text) from \(to)")
        case .closed: throw failure("\(to) closed the connection without an answer")
        }
    }

    private func exchange(_ bytes: [UInt8]) async throws -> PacketProbe.Outcome {
        do {
            return try await PacketProbe.exchange(type: type.value, user: user, token: token, body: bytes, with: to, wait: wait.duration)
        } catch let error as BenchFailure {
            throw failure(error.description)
        }
    }

    /// A gateway tells clients no more than the code's name as the reason; it is said once.
    private func failure(_ what: String, _ code: UInt16, _ reason: String) -> ExitCode {
        let name = Code.name(of: code)
        let detail = BodyText.text(reason.utf8) ?? HexText.text(reason.utf8)
        return failure(detail.isEmpty || detail == name ? "\(what): \(name)" : "\(what): \(name): \(detail)")
    }

    private func failure(_ line: String) -> ExitCode {
        Terminal.tell(line)
        return ExitCode(1)
    }
}
