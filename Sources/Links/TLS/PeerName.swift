/// The names that a certificate is made out to: what `certificate: NAME` of a join list is compared with.
enum PeerName {
    /// Whether one of a certificate's DNS names stands for a host: the same name in any case, or `*` in place of its first label.
    static func isAny(of names: [String], _ host: String) -> Bool {
        let host = plain(host)
        return names.contains { name in
            let name = plain(name)
            guard name.hasPrefix("*.") else { return name == host }
            guard let dot = host.firstIndex(of: "."), dot != host.startIndex else { return false }
            // `*.example` would stand for every name below it.
            return name.dropFirst(2).contains(".") && host[dot...] == name.dropFirst(1)
        }
    }

    private static func plain(_ name: String) -> Substring {
        let lower = name.lowercased()
        return lower.hasSuffix(".") ? lower.dropLast() : lower[...]
    }

    /// The common name of the subject of a certificate in DER, which has been verified before; nil if it has none.
    ///
    /// | element                        | content                                                                                   |
    /// |--------------------------------|-------------------------------------------------------------------------------------------|
    /// | Certificate SEQUENCE           | tbsCertificate SEQUENCE, ...                                                              |
    /// | tbsCertificate                 | [0] version (may be absent), serial, algorithm, issuer, validity, subject, ...            |
    /// | subject SEQUENCE of SET        | each SEQUENCE of OBJECT IDENTIFIER, string                                                |
    static func commonName(der: [UInt8]) -> String? {
        var certificate = DER(der[...])
        guard var whole = certificate.next(0x30), var tbs = whole.next(0x30) else { return nil }
        _ = tbs.next(0xA0)
        // serial, algorithm, issuer, validity
        for tag: UInt8 in [0x02, 0x30, 0x30, 0x30] { guard tbs.next(tag) != nil else { return nil } }
        guard var subject = tbs.next(0x30) else { return nil }
        var name: String?
        while var set = subject.next(0x31) {
            while var attribute = set.next(0x30) {
                guard let kind = attribute.next(0x06), kind.bytes.elementsEqual([0x55, 0x04, 0x03]), let value = attribute.any() else { continue }
                // Several: the last is the most significant. UTF8String, PrintableString, IA5String.
                if [0x0C, 0x13, 0x16].contains(value.tag) { name = String(validating: value.content, as: UTF8.self) }
            }
        }
        return name
    }
}

/// Elements of DER, one after the other.
private struct DER {
    private(set) var bytes: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    /// The content of the next element, if it has that tag; else nothing is taken.
    mutating func next(_ tag: UInt8) -> DER? {
        guard bytes.first == tag else { return nil }
        return any().map { DER($0.content) }
    }

    /// The next element, whatever it is.
    mutating func any() -> (tag: UInt8, content: ArraySlice<UInt8>)? {
        guard bytes.count >= 2, let tag = bytes.first else { return nil }
        var rest = bytes.dropFirst()
        var length = Int(rest.removeFirst())
        if length >= 0x80 {
            let count = length - 0x80
            guard 1...3 ~= count, rest.count >= count else { return nil }
            length = rest.prefix(count).reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(count)
        }
        guard rest.count >= length else { return nil }
        bytes = rest.dropFirst(length)
        return (tag, rest.prefix(length))
    }
}
