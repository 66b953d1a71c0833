import Gateway
import Membership
import Sessions

extension GatewaySettings.Limits {
    /// `limits:` of a client listener (rules S13, S15, S16).
    init(reading section: SectionReader) {
        self.init()
        connections = section.limit("connections", .count, default: connections)
        perAddress = section.limit("perAddress", .count, default: perAddress)
        packetsPerSecond = section.limit("packetsPerSecond", .count, default: packetsPerSecond)
        bytesPerSecond = section.limit("bytesPerSecond", .size(), default: bytesPerSecond)
        // Every queue is bounded (rule S13), and nothing may stay open for ever without a word: these cannot be unlimited.
        maxPending = section.value("maxPending", .size(), default: maxPending)
        handshake = section.value("handshake", .duration(), default: handshake)
        idle = section.value("idle", .duration(), default: idle)
    }
}

extension MemberLimits {
    /// `limits:` of a hub of either kind (rule S16).
    init(reading section: SectionReader) {
        self.init()
        connections = section.limit("connections", .count, default: connections)
        perAddress = section.limit("perAddress", .count, default: perAddress)
    }
}
