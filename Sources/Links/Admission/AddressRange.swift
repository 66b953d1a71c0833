import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A range of IP addresses as its first bits: `10.0.0.0/8`, `2001:db8::/32`, or one address. Source: config, `allow`, `deny`, `proxyProtocol`.
///
/// An IPv4 address that arrives on an IPv6 socket (`::ffff:10.0.0.1`) is the IPv4 address.
public struct AddressRange: Sendable, Hashable, CustomStringConvertible {
    /// Why a text is no range; the message names it and says what to do.
    public struct Malformed: Error, Equatable {
        /// What is wrong, and what to write instead.
        public var message: String
    }

    private let network: AddressBits
    private let prefix: Int

    /// - Throws: ``Malformed``; bits behind the prefix are an error, because then one of the two is not what was meant.
    public init(_ text: String) throws(Malformed) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let host = parts.first, let address = try? SocketAddress(ipAddress: String(host), port: 0),
            let network = AddressBits(address)
        else { throw Malformed(message: "is not an address range; use an IP address, or a network as in 10.0.0.0/8 or 2001:db8::/32") }
        var prefix = network.width
        if parts.count == 2 {
            guard let bits = Int(parts[1]), 0...network.width ~= bits, parts[1].utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 })
            else { throw Malformed(message: "has no prefix length behind the slash; use 0 to \(network.width)") }
            prefix = bits
        }
        guard network.masked(to: prefix) == network else {
            throw Malformed(message: "has bits set behind its prefix; use \(AddressRange(network.masked(to: prefix), prefix)), or \(host) alone")
        }
        self.init(network, prefix)
    }

    private init(_ network: AddressBits, _ prefix: Int) {
        self.network = network
        self.prefix = prefix
    }

    func contains(_ address: AddressBits) -> Bool { address.isIPv4 == network.isIPv4 && address.masked(to: prefix) == network }

    public var description: String { prefix == network.width ? "\(network)" : "\(network)/\(prefix)" }
}

/// An IP address as a number.
struct AddressBits: Hashable, CustomStringConvertible {
    let isIPv4: Bool
    private let value: UInt128

    /// nil for a Unix socket.
    init?(_ address: SocketAddress) {
        // Of struct sockaddr_in and sockaddr_in6, alike on every system: 4 bytes from offset 4, 16 from offset 8.
        let span: Range<Int>
        switch address {
        case .v4: span = 4..<8
        case .v6: span = 8..<24
        case .unixDomainSocket: return nil
        }
        let whole = address.withSockAddr { start, size in
            UnsafeRawBufferPointer(start: start, count: size)[span].reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
        }
        isIPv4 = span.count == 4 || whole >> 32 == 0xFFFF
        value = isIPv4 ? whole & 0xFFFF_FFFF : whole
    }

    private init(isIPv4: Bool, value: UInt128) {
        self.isIPv4 = isIPv4
        self.value = value
    }

    /// Bits of an address of its kind.
    var width: Int { isIPv4 ? 32 : 128 }

    /// Only the first `prefix` bits.
    func masked(to prefix: Int) -> AddressBits {
        // Shifting by the whole width gives 0, so a prefix of 0 keeps nothing.
        AddressBits(isIPv4: isIPv4, value: (value >> (width - prefix)) << (width - prefix))
    }

    var description: String {
        var bytes = ByteBuffer()
        for index in (0..<width / 8).reversed() { bytes.writeInteger(UInt8(truncatingIfNeeded: value >> (8 * index))) }
        return (try? SocketAddress(packedIPAddress: bytes, port: 0).ipAddress) ?? "?"
    }
}
