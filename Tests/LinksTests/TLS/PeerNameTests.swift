import Testing

@testable import Links

@Suite("Names of certificates")
struct PeerNameTests {
    @Test(
        "A host is what a certificate says, in any case and with or without a last dot, or a name below its `*`",
        arguments: [
            (["packets.example"], "packets.example"), (["a.example", "Packets.Example"], "packets.EXAMPLE"),
            (["packets.example."], "packets.example"),
            (["packets.example"], "packets.example."), (["*.packets.example"], "one.packets.example"), (["localhost"], "localhost"),
        ])
    func same(names: [String], host: String) {
        #expect(PeerName.isAny(of: names, host))
    }

    @Test(
        "No other name will do: a part, a name two below the `*`, the name above it, a `*` for a whole domain or within a label",
        arguments: [
            ([], "packets.example"), (["packets.example"], "packets.example.com"), (["packets.example"], "evilpackets.example"),
            (["*.packets.example"], "two.one.packets.example"), (["*.packets.example"], "packets.example"), (["*.example"], "packets.example"),
            (["*"], "localhost"), (["p*.packets.example"], "pa.packets.example"), (["*.packets.example"], ".packets.example"),
            (["10.0.0.5"], "packets.example"), ([""], "packets.example"),
        ])
    func other(names: [String], host: String) {
        #expect(!PeerName.isAny(of: names, host))
    }
}
