import Links
import Membership
import NIOCore
import RPCHub
import Routing
import ThriftLink
import Wire

/// `rpcHub:`.
struct RPCHubSection {
    let settings: RPCHubSettings

    /// - Parameter name: the process's, from which the hub's id is made when none is given.
    init(reading section: SectionReader, name: String) {
        let callersSection = section.section("callers", ListenerSection.both)
        let agentsSection = section.section("agents", ListenerSection.both)
        let (callers, agents) = (callersSection?.listen, agentsSection?.listen)
        for key in ["callers", "agents"] where !section.has(key) { section.fail(key, "is missing; needs { listen: host:port }") }
        let join = JoinSection(reading: section, claims: "rpcIDs")
        var settings = RPCHubSettings(
            id: section.value("id", .identifier, default: Choice.fnv1a(name)), name: name, callers: callers ?? JoinSection.nowhere,
            agents: agents ?? JoinSection.nowhere, join: join.list)
        settings.callersOptions = callersSection?.options ?? ListenerOptions()
        settings.agentsOptions = agentsSection?.options ?? ListenerOptions()
        settings.thrift = section.section("thrift", RPCHubSettings.ThriftDoor.init(reading:))
        settings.insecure = join.insecure
        settings.heartbeat = section.value("heartbeat", .duration(), default: settings.heartbeat)
        settings.maxPending = section.value("maxPending", .size(), default: settings.maxPending)
        settings.limits = section.section("limits", MemberLimits.init(reading:)) ?? settings.limits
        settings.timeout = section.value("timeout", .duration(in: .milliseconds(10) ... .hours(24)), default: settings.timeout)
        settings.maxTimeout = section.value("maxTimeout", .duration(in: .milliseconds(10) ... .hours(24)), default: settings.maxTimeout)
        settings.maxFrame = section.value("maxFrame", .size(in: 4096...RPCHeader.largestFrame), default: settings.maxFrame)
        settings.window = section.value("window", .number(in: 1...10_000_000, ambiguousZero: true), default: settings.window)
        self.settings = settings
        if settings.timeout > settings.maxTimeout {
            let most = Quantity.text(duration: settings.maxTimeout)
            section.fail("timeout", "\(Quantity.text(duration: settings.timeout)) is over maxTimeout (\(most)); make one of them fit the other")
        }
        if let callers, let agents {
            join.check([(callers, settings.callersOptions), (agents, settings.agentsOptions)], in: section)
        }
    }
}

extension RPCHubSettings.ThriftDoor {
    /// `thrift:` of an RPC hub.
    init(reading section: SectionReader) {
        let listen = ListenerSection.read(section)
        self.init(door: ThriftDoorSection.read(section, listen: listen), rpcID: section.required("rpcID", .rpcID) ?? .type)
    }
}

extension Grammar where T == RPCHubSettings.ThriftDoor.RPCID {
    static var rpcID: Grammar {
        Grammar(expected: "type, or a number") { scalar throws(Misfit) in
            if scalar.text == "type" { return .type }
            guard scalar.isPlain, let id = UInt32(scalar.text) else {
                throw Misfit("\(scalar.text.quoted) is not an RPC id; use `type`, or 0 to \(UInt32.max)")
            }
            return .fixed(id)
        }
    }
}
