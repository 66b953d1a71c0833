import Links
import NIOCore
import NIOPosix
import Wire

/// What stands behind the gateway when `up` is started without a file: a small packet server in the same process, on a loop of its own,
/// reached over the wire like any other.
///
/// | type | does                                                                              |
/// |------|-----------------------------------------------------------------------------------|
/// | 1    | login: the body is a name; binds the session to a user and greets                 |
/// | 7    | echo: answers with the same type and body                                         |
/// | 100  | say: everyone who has logged in gets type 150, `name: text`                       |
final class Demonstration: Sendable {
    /// The configuration of `up` without a file.
    static let configuration = """
        name: demonstration
        admin: { listen: "127.0.0.1:9090" }
        gateway:
          listen: 127.0.0.1:7000
          publicTypes: [1, 7]
          routes:
            - { name: chat, types: [1, 7, 100], to: ["127.0.0.1:7100"] }
        """

    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let loop: LinkLoop

    init() { loop = LinkLoop(eventLoop: group.next()) }

    func start() async throws {
        let loop = loop
        let names = Names()
        _ = try await Listener.bind(.host("127.0.0.1", port: 7100), group: group, receiveBuffer: Sockets.trunkBuffer) { channel in
            try channel.pipeline.syncOperations.addHandler(DemonstrationLink(loop: loop, names: names).link)
        }
    }

    func stop() async { try? await group.shutdownGracefully() }

    /// Who has logged in, by session. `@unchecked Sendable`: confined to the one loop.
    final class Names: @unchecked Sendable {
        var bySession: [UInt64: String] = [:]
    }
}
