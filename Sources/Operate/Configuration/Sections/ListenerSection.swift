import Links

/// What every section with a `listen` address takes: the address, and who may connect to it.
enum ListenerSection {
    /// Stands in for an address that is missing or wrong, while the rest of its section is looked at; never used, because that was reported.
    private static let missing = Endpoint.host("localhost", port: 0)

    /// `listen`.
    static func read(_ section: SectionReader) -> Endpoint {
        guard let address = section.required("listen", .listener) else { return missing }
        section.report.listens(address, at: section.entry("listen")?.value.place ?? section.place, path: section.path(of: "listen"))
        return address
    }

    /// `allow`, `deny`, `proxyProtocol`, `tls`; a role gives them to its ``Links/Listener``.
    static func options(_ section: SectionReader) -> ListenerOptions {
        var options = ListenerOptions()
        options.allow = ranges("allow", section)
        options.deny = ranges("deny", section)
        options.proxyProtocol = ranges("proxyProtocol", section)
        options.tls = section.section("tls", tls) ?? nil
        return options
    }

    /// The two, for a section that has nothing else.
    static func both(_ section: SectionReader) -> (listen: Endpoint, options: ListenerOptions) { (read(section), options(section)) }

    private static func ranges(_ key: String, _ section: SectionReader) -> [AddressRange] {
        (section.list(key, .addressRange, orSingle: true) ?? []).map(\.element)
    }

    private static func tls(_ section: SectionReader) -> ListenerTLS? {
        let certificate = section.required("certificate", section.secrets.path)
        let key = section.required("key", section.secrets.path)
        let clients = section.optional("clients", section.secrets.path)
        guard let certificate, let key else { return nil }
        let tls = ListenerTLS(certificate: certificate, key: key, clients: clients)
        section.check(tls.check)
        return tls
    }
}

/// What every section that dials takes.
enum DialerSection {
    /// `tls`; absent: plain.
    static func tls(_ section: SectionReader) -> DialerTLS? {
        section.section("tls") { section in
            let path = section.secrets.path
            let tls = DialerTLS(
                ca: section.optional("ca", path), name: section.optional("name", .label(maxBytes: 253)),
                certificate: section.optional("certificate", path), key: section.optional("key", path))
            guard section.has("certificate") == section.has("key") else {
                let (there, missing) = section.has("key") ? ("key", "certificate") : ("certificate", "key")
                section.fail(missing, "is missing; `\(there)` needs it")
                return tls
            }
            section.check(tls.check)
            return tls
        }
    }
}

extension SectionReader {
    /// Reports what is wrong with the files of a `tls` section, at the file's key.
    fileprivate func check(_ files: () throws(TLSFileError) -> Void) {
        do throws(TLSFileError) {
            try files()
        } catch {
            fail(error.key, error.message)
        }
    }
}
