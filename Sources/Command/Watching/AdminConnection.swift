import Links
import NIOCore
import NIOHTTP1
import NIOPosix

/// One request to an admin server, answered in pieces as they come.
enum AdminConnection {
    /// The server's answer when it is not 200: its one line.
    struct Refusal: Error, CustomStringConvertible {
        var description: String
    }

    private typealias Connection = NIOAsyncChannel<HTTPClientResponsePart, HTTPPart<HTTPRequestHead, ByteBuffer>>

    /// - Parameter take: each piece of the body; false ends the request.
    static func request(
        _ method: String, _ path: String, at endpoint: Endpoint, token: String?, _ take: @escaping @Sendable (ByteBuffer) throws -> Bool
    ) async throws {
        let connection = try await connect(to: endpoint)
        try await connection.executeThenClose { inbound, outbound in
            var headers = HTTPHeaders([("Host", "localhost"), ("Connection", "close"), ("Content-Length", "0")])
            if let token { headers.add(name: "Authorization", value: "Bearer \(token)") }
            try await outbound.write(.head(HTTPRequestHead(version: .http1_1, method: HTTPMethod(rawValue: method), uri: path, headers: headers)))
            try await outbound.write(.end(nil))
            var refusal: String?
            for try await part in inbound {
                switch part {
                case .head(let head) where head.status != .ok: refusal = ""
                case .head: break
                case .body(let bytes):
                    if refusal != nil {
                        refusal? += String(buffer: bytes)
                    } else if try !take(bytes) {
                        return
                    }
                case .end:
                    if let refusal { throw Refusal(description: refusal.split(separator: "\n").joined(separator: "; ")) }
                    return
                }
            }
        }
    }

    private static func connect(to endpoint: Endpoint) async throws -> Connection {
        let bootstrap = ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup).connectTimeout(.seconds(5))
        let initializer: @Sendable (any Channel) -> EventLoopFuture<Connection> = { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHTTPClientHandlers()
                try channel.pipeline.syncOperations.addHandler(OutboundParts())
                return try Connection(wrappingChannelSynchronously: channel)
            }
        }
        return switch endpoint {
        case .host(let host, let port): try await bootstrap.connect(host: host, port: port, channelInitializer: initializer)
        case .unix(let path): try await bootstrap.connect(unixDomainSocketPath: path, channelInitializer: initializer)
        }
    }

    /// Bodies as buffers, which is what an asynchronous channel can carry between tasks.
    private final class OutboundParts: ChannelOutboundHandler {
        typealias OutboundIn = HTTPPart<HTTPRequestHead, ByteBuffer>
        typealias OutboundOut = HTTPClientRequestPart

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            let part: HTTPClientRequestPart =
                switch unwrapOutboundIn(data) {
                case .head(let head): .head(head)
                case .body(let bytes): .body(.byteBuffer(bytes))
                case .end(let trailers): .end(trailers)
                }
            context.write(wrapOutboundOut(part), promise: promise)
        }
    }
}
