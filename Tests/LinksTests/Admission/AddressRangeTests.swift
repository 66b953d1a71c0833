import NIOCore
import Testing

@testable import Links

@Suite("Address ranges and listener options")
struct AddressRangeTests {
    private func address(_ text: String) throws -> SocketAddress { try SocketAddress(ipAddress: text, port: 1) }

    @Test(
        "A range holds the addresses that share its bits",
        arguments: [
            ("10.0.0.0/8", "10.255.255.255", true), ("10.0.0.0/8", "11.0.0.0", false), ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.6", false),
            ("0.0.0.0/0", "203.0.113.9", true), ("0.0.0.0/0", "2001:db8::1", false), ("::/0", "2001:db8::1", true), ("::/0", "203.0.113.9", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true), ("2001:db8::/32", "2001:db9::1", false), ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("::ffff:10.0.0.0", "10.0.0.0", true), ("192.0.2.128/25", "192.0.2.127", false), ("2001:db8::1", "2001:db8::1", true),
        ])
    func contains(range: String, text: String, expected: Bool) throws {
        var options = ListenerOptions()
        options.allow = [try AddressRange(range)]
        #expect(try options.admits(address(text)) == expected)
        options.proxyProtocol = options.allow
        #expect(try options.trusts(address(text)) == expected)
    }

    @Test(
        "A range is written the shortest way",
        arguments: [("10.0.0.0/8", "10.0.0.0/8"), ("192.0.2.7/32", "192.0.2.7"), ("2001:DB8:0::/32", "2001:db8::/32")])
    func text(range: String, expected: String) throws { #expect(try AddressRange(range).description == expected) }

    @Test(
        "What is no range is refused",
        arguments: ["", "10.0.0.0/", "10.0.0.0/33", "10.0.0/8", "::/129", "host", "10.0.0.0/8/8", "10.0.0.0/+8", "10.0.0.1/8"])
    func malformed(range: String) { #expect(throws: AddressRange.Malformed.self) { try AddressRange(range) } }

    @Test("deny wins over allow, an empty allow is everyone, and a Unix socket has no address to judge")
    func precedence() throws {
        var options = ListenerOptions()
        #expect(try options.admits(address("10.0.0.1")))
        options.deny = [try AddressRange("10.0.0.0/24")]
        #expect(try !options.admits(address("10.0.0.1")))
        #expect(try options.admits(address("10.0.1.1")))
        options.allow = [try AddressRange("10.0.0.0/8")]
        #expect(try !options.admits(address("10.0.0.1")))
        #expect(try options.admits(address("10.0.1.1")))
        #expect(try !options.admits(address("192.0.2.1")))
        #expect(options.admits(try SocketAddress(unixDomainSocketPath: "/tmp/x")))
        #expect(options.admits(nil))
        #expect(!options.trusts(nil))
    }
}
