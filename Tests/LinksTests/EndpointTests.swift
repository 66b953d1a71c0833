import Links
import Testing

/// Where to listen or to dial.
@Suite("Endpoints")
struct EndpointTests {
    @Test("the three forms are read, and written as they were read")
    func forms() {
        #expect(Endpoint("10.0.0.5:9100") == .host("10.0.0.5", port: 9100))
        #expect(Endpoint("games.example:0") == .host("games.example", port: 0))
        #expect(Endpoint("[::1]:65535") == .host("::1", port: 65535))
        #expect(Endpoint("unix:/run/switchyard.sock") == .unix(path: "/run/switchyard.sock"))
        for text in ["10.0.0.5:9100", "games.example:1", "[2001:db8::7]:443", "unix:/a:b"] { #expect(Endpoint(text)?.description == text) }
    }

    @Test(
        "anything else is refused",
        arguments: [
            "", ":", "host", ":80", "host:", "host:65536", "host:99999999999999999999", "host:-1", "host:+1", "host:8a", "host: 80", "::1:80",
            "[]:80", "unix:", "1:2:3", "host:８０",
        ])
    func refused(_ text: String) { #expect(Endpoint(text) == nil) }

    @Test("S9: loopback is what only this machine can reach")
    func loopback() {
        for text in ["127.0.0.1:1", "127.9.9.9:1", "localhost:1", "[::1]:1", "unix:/a"] { #expect(Endpoint(text)?.isLoopback == true, "\(text)") }
        for text in ["0.0.0.0:1", "[::]:1", "10.0.0.1:1", "12.7.0.0:1", "localhost.example:1", "[::2]:1"] {
            #expect(Endpoint(text)?.isLoopback == false, "\(text)")
        }
    }

    @Test("S9: a name that only begins like a loopback address is not one")
    func loopbackName() { #expect(Endpoint("127.example.com:1")?.isLoopback == false) }
}
