import NIOCore

/// Version 1: one line of text, `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443` or `PROXY UNKNOWN ...`, at most 107 bytes with its CR LF.
enum ProxyHeaderV1 {
    static let start = Array("PROXY ".utf8)
    static let maxLength = 107

    static func read(_ bytes: UnsafeRawBufferPointer) -> ProxyHeader.Reading {
        guard ProxyHeader.agree(bytes, start) else { return .malformed("it does not begin with a PROXY header") }
        let window = bytes.prefix(maxLength)
        guard let end = window.firstIndex(of: UInt8(ascii: "\n")) else {
            return bytes.count < maxLength ? .more : .malformed("the PROXY line does not end within \(maxLength) bytes")
        }
        guard end > start.count, window[end - 1] == UInt8(ascii: "\r") else { return .malformed("the PROXY line does not end in CR LF") }
        let line = window[..<(end - 1)]
        guard line.allSatisfy({ 0x20...0x7E ~= $0 }) else { return .malformed("the PROXY line has bytes that are not text") }
        let words = String(decoding: line, as: UTF8.self).split(separator: " ", omittingEmptySubsequences: false).dropFirst()
        guard let header = header(Array(words)) else { return .malformed("the PROXY line does not name two addresses and two ports") }
        return .header(header, length: end + 1)
    }

    /// The words behind `PROXY`.
    private static func header(_ words: [Substring]) -> ProxyHeader? {
        // Whatever follows UNKNOWN is not to be looked at.
        if words.first == "UNKNOWN" { return .unknown }
        guard words.count == 5, let source = address(words[1], port: words[3]), let target = address(words[2], port: words[4]) else { return nil }
        switch (words[0], source, target) {
        case ("TCP4", .v4, .v4), ("TCP6", .v6, .v6): return .client(source)
        default: return nil
        }
    }

    private static func address(_ host: Substring, port: Substring) -> SocketAddress? {
        guard 1...5 ~= port.count, port.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }), port == "0" || port.first != "0",
            let number = UInt16(port)
        else { return nil }
        return try? SocketAddress(ipAddress: String(host), port: Int(number))
    }
}
