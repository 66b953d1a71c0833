import Links

/// What every section with a `listen` address takes.
enum ListenerSection {
    /// Stands in for an address that is missing or wrong, while the rest of its section is looked at; never used, because that was reported.
    private static let missing = Endpoint.host("localhost", port: 0)

    static func read(_ section: SectionReader) -> Endpoint {
        let listen = section.required("listen", .listener)
        section.notYet("tls", "TLS")
        for key in ["allow", "deny"] { section.notYet(key, "address filters") }
        section.notYet("proxyProtocol", "the PROXY protocol")
        return listen ?? missing
    }
}
