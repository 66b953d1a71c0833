import Wire

/// The choice function of the protocol, section 4, written again from its text: what the gateway must compute.
enum ExpectedChoice {
    static func mix(_ value: UInt64) -> UInt64 {
        var x = value
        x ^= x >> 30
        x = x &* 0xBF58_476D_1CE4_E5B9
        x ^= x >> 27
        x = x &* 0x94D0_49BB_1331_11EB
        x ^= x >> 31
        return x
    }

    /// FNV-1a, 64 bits.
    static func node(_ name: String) -> UInt64 {
        var hash: UInt64 = 14_695_981_039_346_656_037
        for byte in name.utf8 {
            hash ^= UInt64(byte)
            hash = hash &* 1_099_511_628_211
        }
        return hash
    }

    /// The name, `ADDRESS#I`, of the connection that owns the session.
    static func owner(of session: UInt64, among names: [String]) -> String? {
        let slot = mix(session) >> 52
        return names.max { left, right in
            let (l, r) = (node(left), node(right))
            return (mix(mix(l) &+ slot), l) < (mix(mix(r) &+ slot), r)
        }
    }

    /// The node that owns the key.
    static func owner(of key: UInt64, amongNodes nodes: [UInt64]) -> UInt64? {
        let slot = mix(key) >> 52
        return nodes.max { (mix(mix($0) &+ slot), $0) < (mix(mix($1) &+ slot), $1) }
    }

    /// Waits until every loop of the gateway sees the same upstreams (echoing, one connection each): those that are up, and no other.
    static func settle(_ clients: [PacketClient], among up: [UpstreamServer]) throws {
        let names = up.map { "\($0.address)#0" }
        try eventually("every packet goes to its session's choice among \(names)", within: .seconds(20)) {
            let mark = "probe \(UInt64.random(in: 1 ... .max))"
            for client in clients { try client.send(Packet(ExpectedChoice.probe, mark)) }
            return clients.allSatisfy { client in
                // A probe that met the change may be refused or lost; the next one tells.
                var answer = try? client.next(within: .milliseconds(500))
                while answer?.says(mark) == false { answer = try? client.next(within: .milliseconds(500)) }
                guard let session = answer?.header.session, let owner = owner(of: session, among: names) else { return false }
                return up.contains { upstream in
                    "\(upstream.address)#0" == owner && upstream.packets.suffix(200).contains { $0.says(mark) && $0.header.session == session }
                }
            }
        }
    }

    /// The type of the packets that ``settle(_:among:)`` sends.
    static let probe: UInt16 = 199
}
