import ArgumentParser
import Operate

@main
struct SwitchyardCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "switchyard",
        abstract: "A packet gateway, a message hub and a Thrift RPC proxy in one process.",
        discussion: """
            Start everything on this machine and try it:

              switchyard up
              switchyard send --type 7 --body hello
              switchyard call --type 7 --body hello
              switchyard bench packet

            `switchyard help COMMAND` explains a command.
            """,
        version: Build.version,
        subcommands: [
            UpCommand.self, CheckCommand.self, SendCommand.self, CallCommand.self, ChatCommand.self, BenchCommand.self, DecodeCommand.self,
            TopCommand.self, TraceCommand.self, CaptureCommand.self,
        ]
    )
}
