public import NIOCore

/// What every listener of every role can be told about who may connect. Source: config, "Every listener takes".
///
/// Unix sockets have no address: their lists admit everyone, and no PROXY header is read there.
public struct ListenerOptions: Sendable, Equatable {
    /// Who may connect; empty is everyone.
    public var allow: [AddressRange] = []
    /// Who may not, whatever ``allow`` says.
    public var deny: [AddressRange] = []
    /// Load balancers that say in a PROXY header whom they speak for; from them the header is required, from others it is not read as one.
    public var proxyProtocol: [AddressRange] = []
    /// Absent: plain.
    public var tls: ListenerTLS?

    /// Everyone, as themselves.
    public init() {}

    /// Whether a client at that address may connect.
    public func admits(_ address: SocketAddress?) -> Bool {
        guard let bits = address.flatMap(AddressBits.init) else { return true }
        if deny.contains(where: { $0.contains(bits) }) { return false }
        return allow.isEmpty || allow.contains { $0.contains(bits) }
    }

    /// Whether connections from there begin with a PROXY header.
    public func trusts(_ address: SocketAddress?) -> Bool {
        guard !proxyProtocol.isEmpty, let bits = address.flatMap(AddressBits.init) else { return false }
        return proxyProtocol.contains { $0.contains(bits) }
    }
}
