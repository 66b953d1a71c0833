import ArgumentParser

@main
struct Switchyard: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "switchyard",
        abstract: "A gateway, hub and proxy for packets and calls.",
        discussion: """
            Start everything on this machine and try it:

              switchyard up
              switchyard send --type 7 --body hello
              switchyard bench packet

            `switchyard help COMMAND` explains a command.
            """,
        subcommands: [
            UpCommand.self, CheckCommand.self, SendCommand.self, BenchCommand.self, DecodeCommand.self,
        ]
    )
}
