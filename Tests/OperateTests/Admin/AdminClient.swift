import Links
import NIOCore
import NIOPosix

/// An answer, as it came over the socket.
struct HTTPReply {
    var status: Int
    /// Names in lower case.
    var headers: [String: String]
    var body: String

    init(_ text: String) throws {
        guard let split = text.firstRange(of: "\r\n\r\n") else { throw NoAnswer(text: text) }
        let lines = text[..<split.lowerBound].split(separator: "\r\n")
        guard let status = lines.first?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else { throw NoAnswer(text: text) }
        self.status = status
        headers = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ": ", maxSplits: 1)
            headers[parts[0].lowercased()] = parts.count == 2 ? String(parts[1]) : ""
        }
        body = String(text[split.upperBound...])
    }

    struct NoAnswer: Error { var text: String }
}

/// Speaks HTTP by hand, so that a test sees every byte.
struct AdminClient {
    let endpoint: Endpoint

    func get(_ path: String, token: String? = nil) async throws -> HTTPReply {
        try await request("GET", path, headers: token.map { ["Authorization: Bearer \($0)"] } ?? [])
    }

    /// One request on a connection of its own.
    func request(_ method: String, _ path: String, headers: [String] = [], body: String = "") async throws -> HTTPReply {
        let head = ["\(method) \(path) HTTP/1.1", "Host: localhost", "Connection: close"] + headers + ["", ""]
        return try HTTPReply(await exchange(head.joined(separator: "\r\n") + body))
    }

    /// Everything that comes until the server closes.
    func exchange(_ text: String, onBytes: @escaping @Sendable () -> Void = {}) async throws -> String {
        let bootstrap = ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        let initializer: @Sendable (any Channel) -> EventLoopFuture<NIOAsyncChannel<ByteBuffer, ByteBuffer>> = { channel in
            channel.eventLoop.makeCompletedFuture { try NIOAsyncChannel(wrappingChannelSynchronously: channel) }
        }
        let channel =
            switch endpoint {
            case .host(let host, let port):
                try await bootstrap.connect(host: host == "0.0.0.0" ? "127.0.0.1" : host, port: port, channelInitializer: initializer)
            case .unix(let path):
                try await bootstrap.connect(unixDomainSocketPath: path, channelInitializer: initializer)
            }
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: text))
            var answer = ByteBuffer()
            for try await bytes in inbound {
                answer.writeImmutableBuffer(bytes)
                onBytes()
            }
            return String(buffer: answer)
        }
    }
}
