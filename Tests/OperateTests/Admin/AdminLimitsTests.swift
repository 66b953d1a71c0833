import Links
import Operate
import Testing

@Suite("Admin server: what a client may send", .timeLimit(.minutes(1)))
struct AdminLimitsTests {
    @Test("A small body is skipped, and the connection goes on")
    func smallBody() async throws {
        try await withAdmin { client, _, _ async throws in
            let answers = try await client.exchange(
                "POST /status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello"
                    + "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            #expect(answers.split(separator: "HTTP/1.1 ").map { $0.prefix(3) } == ["405", "200"])
        }
    }

    @Test("A large body, or one without a length, is refused unread", arguments: ["Content-Length: 16385", "Transfer-Encoding: chunked"])
    func largeBody(header: String) async throws {
        try await withAdmin { client, _, _ async throws in
            for (method, body) in [("GET", "a body may have 16384 bytes and must say so with Content-Length\n"), ("HEAD", "")] {
                // No `Connection: close`: that the exchange ends shows that the server closes.
                let reply = try HTTPReply(await client.exchange("\(method) /healthz HTTP/1.1\r\nHost: localhost\r\n\(header)\r\n\r\n"))
                #expect(reply.status == 413 && reply.body == body)
            }
        }
    }

    @Test("Headers have a bound", arguments: [(1, 9000), (3, 6000), (200, 1)])
    func headers(fields: Int, bytes: Int) async throws {
        try await withAdmin { client, _, _ async throws in
            let field = "X-Y: \(String(repeating: "a", count: bytes))\r\n"
            let answer = try? await client.exchange("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\(String(repeating: field, count: fields))\r\n")
            #expect(answer?.hasPrefix("HTTP/1.1 200") != true)
            #expect(try await client.get("/healthz").status == 200)
        }
    }

    @Test("What is not HTTP gets 400 and harms no one")
    func garbage() async throws {
        try await withAdmin { client, _, _ async throws in
            #expect(try await client.exchange("\u{16}\u{3}\u{1}\u{2}hello\r\n\r\n").hasPrefix("HTTP/1.1 400"))
            #expect(try await client.get("/healthz").status == 200)
        }
    }
}
