import Links
import Logging
import NIOCore
import Switchyard
import Wire

/// The Thrift server of the demonstration: `rpc` does what the request's type says.
enum DemonstrationThrift {
    static let listen = Endpoint.host("127.0.0.1", port: 9100)

    /// The content comes back.
    static let echo: Int32 = 7
    /// The content comes back turned round.
    static let reverse: Int32 = 8
    /// The content, a number of milliseconds up to 60,000, passes; then it comes back.
    static let sleep: Int32 = 9
    /// An exception comes back, with the content as its text.
    static let fail: Int32 = 10

    static func server(lanes: Lanes, log: LogSwitch) -> RPCServer {
        var settings = RPCServerSettings(listen: listen)
        settings.name = "thrift"
        settings.logger = LogLabel.logger("thrift", log)
        return RPCServer(settings, lanes: lanes) { try await answer($0) }
    }

    private static func answer(_ request: ProtoRequest) async throws -> ProtoReply {
        var content = request.content
        switch request.type {
        case echo: break
        case reverse: content = ByteBuffer(bytes: content.readableBytesView.reversed())
        case sleep:
            guard let milliseconds = Int(request.text), (0...60_000).contains(milliseconds) else {
                throw ThriftException(.badRequest, "type \(sleep) sleeps as many milliseconds as its content says, 0 to 60000")
            }
            try await Task.sleep(for: .milliseconds(milliseconds))
        case fail: throw ThriftException(.internalError, request.text)
        default:
            throw ThriftException(
                .badRequest, "the demonstration knows no type \(request.type): \(echo) echoes, \(reverse) reverses, \(sleep) sleeps, \(fail) fails")
        }
        return ProtoReply(type: request.type, content: content)
    }
}
