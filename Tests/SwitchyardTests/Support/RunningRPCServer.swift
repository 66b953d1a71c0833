import Logging
import NIOCore
import Switchyard
import Testing
import Wire

/// A Thrift server for the time of a test.
func withRPCServer(
    group: any EventLoopGroup = EventLoops.shared, settings change: (inout RPCServerSettings) -> Void = { _ in },
    register: (RPCServer) -> Void = { _ in },
    handler: @escaping RPCHandler = { ProtoReply(result: $0.shardingID, type: $0.type, content: $0.content) },
    body: (RPCServer) async throws -> Void
) async throws {
    var settings = RPCServerSettings(listen: .host("127.0.0.1", port: 0))
    settings.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    change(&settings)
    let server = RPCServer(settings, group: group, handler: handler)
    register(server)
    try await server.start()
    do {
        try await body(server)
    } catch {
        await server.drain(within: .milliseconds(100), atOnce: true)
        throw error
    }
    await server.drain(within: .milliseconds(500), atOnce: true)
}

extension ThriftPeer {
    /// Says a call and waits for its answer.
    func ask(_ sequence: Int32, _ bytes: ByteBuffer) async throws -> ThriftMessage {
        say(bytes)
        try await eventually("the answer to \(sequence)") { self.heard.contains { $0.sequence == sequence } || self.isClosed }
        guard let answer = heard.last(where: { $0.sequence == sequence }) else { throw Closed() }
        return answer
    }

    struct Closed: Error {}
}
