import Foundation
import Links
import Operate
import Testing

@Suite("Admin server: who gets what", .timeLimit(.minutes(1)))
struct AdminRulesTests {
    @Test("With a token on loopback, /status alone needs it")
    func tokenOnLoopback() async throws {
        try await withAdmin(token: "hunter2") { client, _, _ async throws in
            for path in ["/healthz", "/readyz", "/metrics"] { #expect(try await client.get(path).status == 200, "\(path)") }
            #expect(try await client.get("/status").status == 401)
            #expect(try await client.get("/status", token: "hunter2").status == 200)
        }
    }

    @Test("With a token beyond loopback, /metrics needs it, too")
    func tokenBeyondLoopback() async throws {
        try await withAdmin(.host("0.0.0.0", port: 0), token: "hunter2") { client, _, _ async throws in
            for path in ["/healthz", "/readyz"] { #expect(try await client.get(path).status == 200, "\(path)") }
            for path in ["/metrics", "/status"] {
                #expect(try await client.get(path).status == 401, "\(path)")
                #expect(try await client.get(path, token: "hunter2").status == 200, "\(path)")
            }
        }
    }

    @Test("Without a token nothing is asked for on loopback")
    func withoutToken() async throws {
        try await withAdmin { client, _, _ async throws in
            for path in AdminRulesTests.pages {
                #expect(try await client.get(path).status == 200, "\(path)")
                #expect(try await client.get(path, token: "any").status == 200, "\(path)")
            }
        }
    }

    static let pages = ["/", "/metrics", "/status", "/links", "/routes", "/registry", "/pools", "/lanes", "/pending", "/config"]

    @Test("Beyond loopback everything but /healthz and /readyz needs the token, and without one nothing else is shown")
    func nothingBeyondLoopback() async throws {
        try await withAdmin(.host("0.0.0.0", port: 0)) { client, _, _ async throws in
            for path in ["/healthz", "/readyz"] { #expect(try await client.get(path).status == 200, "\(path)") }
            for path in AdminRulesTests.pages + ["/events"] { #expect(try await client.get(path, token: "any").status == 403, "\(path)") }
        }
        try await withAdmin(.host("0.0.0.0", port: 0), token: "hunter2") { client, _, _ async throws in
            for path in AdminRulesTests.pages {
                #expect(try await client.get(path).status == 401, "\(path)")
                #expect(try await client.get(path, token: "hunter2").status == 200, "\(path)")
            }
            #expect(try await client.get("/events").status == 401)
        }
    }

    @Test("A browser that asked its user may read with the token as password")
    func basic() async throws {
        try await withAdmin(token: "hunter2") { client, _, _ async throws in
            func status(_ pair: String) async throws -> Int {
                try await client.request("GET", "/status", headers: ["Authorization: Basic " + Data(pair.utf8).base64EncodedString()]).status
            }
            #expect(try await status("operator:hunter2") == 200)
            #expect(try await status(":hunter2") == 200)
            for pair in ["operator:hunter3", "hunter2:operator", "hunter2", "operator:", ":"] { #expect(try await status(pair) == 401, "\(pair)") }
        }
    }

    @Test(
        "On loopback a foreign Host is refused: someone's name server points here",
        arguments: ["evil.example", "evil.example:9090", "127.0.0.1.evil.example", "[2001:db8::1]:80"])
    func foreignHost(host: String) async throws {
        try await withAdmin { client, _, _ async throws in
            for path in ["/healthz", "/status", "/"] {
                let request = "GET \(path) HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\r\n"
                #expect(try HTTPReply(await client.exchange(request)).status == 421, "\(path)")
            }
        }
    }

    @Test("Our own names as Host will do", arguments: ["localhost", "localhost:9090", "127.0.0.1:9090", "[::1]:9090", "127.8.8.8"])
    func ownHost(host: String) async throws {
        try await withAdmin { client, _, _ async throws in
            let request = "GET /status HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\r\n"
            #expect(try HTTPReply(await client.exchange(request)).status == 200)
        }
    }

    @Test(
        "A page of another site gets nothing, even with the token",
        arguments: ["http://evil.example", "null", "http://localhost:1", "https://localhost.evil.example"])
    func foreignOrigin(origin: String) async throws {
        try await withAdmin(token: "hunter2") { client, _, _ async throws in
            for (method, path) in [("GET", "/status"), ("POST", "/drain")] {
                let reply = try await client.request(method, path, headers: ["Origin: \(origin)", "Authorization: Bearer hunter2"])
                #expect(reply.status == 403 && reply.body == "requests from pages of other sites are refused\n")
            }
            #expect(try await client.request("POST", "/drain", headers: ["Origin: http://localhost", "Authorization: Bearer hunter2"]).status == 200)
        }
    }

    @Test(
        "What is not the token gets 401, the way to ask, and one line",
        arguments: [
            (nil, "/status needs the admin token; send it as `Authorization: Bearer TOKEN`\n"),
            ("Basic aHVudGVyMg==", "/status needs the admin token; send it as `Authorization: Bearer TOKEN`\n"),
            ("hunter2", "/status needs the admin token; send it as `Authorization: Bearer TOKEN`\n"),
            ("Bearer", "/status needs the admin token; send it as `Authorization: Bearer TOKEN`\n"),
            ("Bearer hunter3", "the token is wrong\n"), ("Bearer Hunter2", "the token is wrong\n"), ("Bearer hunter", "the token is wrong\n"),
            ("Bearer hunter22", "the token is wrong\n"), ("Bearer hunter2hunter2", "the token is wrong\n"),
            ("Bearer hunter2\r\nAuthorization: Bearer hunter2", "the token is wrong\n"),
        ] as [(String?, String)])
    func refused(authorization: String?, line: String) async throws {
        try await withAdmin(token: "hunter2") { client, _, _ async throws in
            let reply = try await client.request("GET", "/status", headers: authorization.map { ["Authorization: \($0)"] } ?? [])
            #expect(reply.status == 401 && reply.headers["www-authenticate"] == "Bearer" && reply.body == line)
        }
    }

    @Test("A token without a character lets no one in")
    func emptyToken() async throws {
        try await withAdmin(token: "") { client, _, _ async throws in
            for token in ["", " ", "x"] { #expect(try await client.get("/status", token: token).status == 401) }
        }
    }

    @Test("The scheme's name may be written in any case")
    func scheme() async throws {
        try await withAdmin(token: "hunter2") { client, _, _ async throws in
            #expect(try await client.request("GET", "/status", headers: ["authorization: bearer hunter2"]).status == 200)
        }
    }

    @Test(
        "Every other path gets 404 and one line with what there is",
        arguments: ["/index.html", "/status/", "/STATUS", "/healthz/x", "/%2e%2e/etc/passwd", "*"])
    func notFound(path: String) async throws {
        try await withAdmin(token: "hunter2") { client, _, _ async throws in
            let reply = try await client.get(path)
            #expect(
                reply.status == 404
                    && reply.body
                        == "not found; there are /healthz, /readyz, /metrics, /status, /links, /routes, /registry, /pools, /lanes, /pending, /config, /events\n"
            )
        }
    }

    @Test("Other methods than GET and HEAD get 405", arguments: ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
    func method(method: String) async throws {
        try await withAdmin(token: "hunter2") { client, _, _ async throws in
            for path in ["/healthz", "/status"] {
                let reply = try await client.request(method, path)
                #expect(reply.status == 405 && reply.headers["allow"] == "GET, HEAD")
                #expect(reply.body == "\(path) can only be read, with GET or HEAD\n")
            }
        }
    }

    @Test("HEAD is GET without the body", arguments: ["/healthz", "/readyz", "/metrics", "/status", "/nothing"])
    func head(path: String) async throws {
        try await withAdmin(token: "hunter2") { client, _, _ async throws in
            for headers in [[], ["Authorization: Bearer hunter2"]] {
                let get = try await client.request("GET", path, headers: headers)
                let head = try await client.request("HEAD", path, headers: headers)
                #expect(head.status == get.status && head.body.isEmpty)
                #expect(head.headers["content-length"] == "\(get.body.utf8.count)")
                #expect(head.headers["content-type"] == get.headers["content-type"])
            }
        }
    }
}
