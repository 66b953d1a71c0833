import Switchyard

/// A complete Thrift server of `ProtoService`: it answers `rpc` with the content turned round.
///
///     thrift-server HOST:PORT
@main
struct ThriftServer {
    static func main() async throws {
        let listen = Endpoint(CommandLine.arguments.dropFirst().first ?? "") ?? .host("127.0.0.1", port: 9100)
        try await RPCServer(listen: listen) { request in
            ProtoReply(result: request.shardingID, type: request.type, content: ByteBuffer(bytes: request.content.readableBytesView.reversed()))
        }.runUntilSignal()
    }
}
