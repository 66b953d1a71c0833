import ArgumentParser
import Chat
import Foundation
import Links

struct ChatCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat",
        abstract: "Chat over a gateway, with the example chat service behind it.",
        discussion: """
            Type a line to say it to the room. /join ROOM goes to a room, /leave back \
            to the lobby, /list tells who is where, /msg NAME TEXT tells one person, \
            /quit (or Ctrl-D) ends.

              switchyard up                       # in one terminal
              switchyard chat --name ann          # in another
              switchyard chat --name bob          # and another

            What others say is on standard output, everything else on standard error. \
            Exit codes: 0 left; 1 not reachable, or the gateway ended the connection.
            """)

    @Option(help: ArgumentHelp("Who you are: 1 to 40 characters.", valueName: "name"))
    var name: String

    @Option(help: ArgumentHelp("The gateway: host:port, [v6]:port or unix:/path.", valueName: "address"))
    var to = Endpoint.host("127.0.0.1", port: 7000)

    func run() async throws {
        let connection: ChatConnection
        do {
            connection = try await ChatConnection.open(to, name: name)
        } catch {
            Terminal.tell("\(error)")
            throw ExitCode(1)
        }
        let typed = typedLines()
        let typing = Task {
            for await line in typed where !Self.obey(line, on: connection) { break }
            connection.leave()
        }
        var isCutOff = false
        for await event in connection.events {
            if case .ended = event { isCutOff = true }
            Self.show(event)
        }
        typing.cancel()
        if isCutOff { throw ExitCode(1) }
    }

    /// Lines of the keyboard, read on a thread of their own: reading blocks.
    private func typedLines() -> AsyncStream<String> {
        AsyncStream { lines in
            Thread.detachNewThread {
                while let line = readLine() { lines.yield(line) }
                lines.finish()
            }
        }
    }

    /// False when the person wants to leave.
    private static func obey(_ line: String, on connection: ChatConnection) -> Bool {
        switch ChatInput(line) {
        case .send(let type, let text): connection.send(type, text)
        case .mistake(let hint): Terminal.tell(hint)
        case .nothing: break
        case .quit: return false
        }
        return true
    }

    private static func show(_ event: ChatConnection.Event) {
        switch event {
        case .said(let text): say(text)
        case .whispered(let text): say("\(text) (to you alone)")
        case .welcome(let text), .presence(let text), .answer(let text): Terminal.tell("* \(text)")
        case .lost(let why): Terminal.tell("! not delivered: \(why)")
        case .ended(let why): Terminal.tell("! \(why)")
        }
    }

    private static func say(_ line: String) {
        print(line)
        fflush(nil)
    }
}
