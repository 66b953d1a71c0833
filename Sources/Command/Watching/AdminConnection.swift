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

    /// TLS toward the server did not come about.
    struct Insecure: Error {
        var reason: String
    }

    private typealias Connection = NIOAsyncChannel<HTTPClientResponsePart, HTTPPart<HTTPRequestHead, ByteBuffer>>

    /// - Parameter take: each piece of the body; false ends the request.
    static func request(
        _ method: String, _ path: String, at endpoint: Endpoint, _ security: DialerSecurity?, token: String?,
        _ take: @escaping @Sendable (ByteBuffer) throws -> Bool
    ) async throws {
        let connection = try await connect(to: endpoint, security)
        try await connection.executeThenClose { inbound, outbound in
            var headers = HTTPHeaders([("Host", "localhost"), ("Connection", "close"), ("Content-Length", "0")])
            if let token { headers.add(name: "Authorization", value: "Bearer \(token)") }
            let head = HTTPRequestHead(version: .http1_1, method: HTTPMethod(rawValue: method), uri: path, headers: headers)
            // At once: a server that refuses by the head closes, and an end that is written after that would fail in the place of its answer.
            try await outbound.write(contentsOf: [.head(head), .end(nil)])
            var refusal: String?
            var isAnswered = false
            for try await part in inbound {
                switch part {
                case .head(let head):
                    isAnswered = true
                    if head.status == .unauthorized, token == nil {
                        throw Refusal(description: "\(endpoint) needs the admin token; give it with --token env:NAME or file:PATH")
                    }
                    if head.status != .ok { refusal = "" }
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
            if !isAnswered {
                let hint =
                    security == nil ? "if it speaks TLS, give --tls or --tls-ca" : "it may want a certificate of ours: --tls-certificate, --tls-key"
                throw Refusal(description: "\(endpoint) closed without an answer; \(hint)")
            }
        }
    }

    private static let patience = TimeAmount.seconds(5)

    private static func connect(to endpoint: Endpoint, _ security: DialerSecurity?) async throws -> Connection {
        let bootstrap = ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup).connectTimeout(patience)
        let channel =
            switch endpoint {
            case .host(let host, let port): try await bootstrap.connect(host: host, port: port).get()
            case .unix(let path): try await bootstrap.connect(unixDomainSocketPath: path).get()
            }
        if let security {
            do {
                try await channel.eventLoop.flatSubmit { security.secure(channel, endpoint: endpoint, within: patience) }.get()
            } catch {
                try? await channel.close()
                throw Insecure(reason: error is ChannelError ? "it closed in the middle of the TLS handshake" : describe(error))
            }
        }
        return try await channel.eventLoop.submit {
            try channel.pipeline.syncOperations.addHTTPClientHandlers()
            try channel.pipeline.syncOperations.addHandler(OutboundParts())
            return try Connection(wrappingChannelSynchronously: channel)
        }.get()
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
