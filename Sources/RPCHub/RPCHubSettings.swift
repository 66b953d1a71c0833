public import Links
public import Membership
public import NIOCore
public import ThriftLink
import Wire

/// What an RPC hub is told at start. Source: config, `rpcHub:`; every default is the documented one.
public struct RPCHubSettings: Sendable, Equatable {
    /// The door for Thrift callers of `ProtoService.rpc`.
    public struct ThriftDoor: Sendable, Equatable {
        /// Which RPC id a Thrift call is for.
        public enum RPCID: Sendable, Equatable {
            /// Its `type`, taken as u32.
            case type
            case fixed(UInt32)
        }

        public var door: ThriftDoorSettings
        public var rpcID: RPCID

        public init(door: ThriftDoorSettings, rpcID: RPCID) {
            self.door = door
            self.rpcID = rpcID
        }
    }

    /// Must differ between hubs; by default the FNV-1a 64 of ``name``.
    public var id: UInt64
    /// Shown to peers.
    public var name: String
    public var callers: Endpoint
    public var agents: Endpoint
    /// Who may connect there, and how.
    public var callersOptions = ListenerOptions()
    public var agentsOptions = ListenerOptions()
    /// Absent: Thrift callers have no door here.
    public var thrift: ThriftDoor?
    public var join: JoinList
    /// What dialers are told to keep, and what this side keeps (rule S17).
    public var heartbeat: TimeAmount = .seconds(10)
    /// Bytes queued toward one link before its senders are told `busy` (rule S13).
    public var maxPending = 8 << 20
    public var limits = MemberLimits()
    /// Of a call that names none.
    public var timeout: TimeAmount = .seconds(5)
    /// The most that a call may ask for.
    public var maxTimeout: TimeAmount = .seconds(60)
    /// The largest frame: 4 KiB to 16 MiB.
    public var maxFrame = 1 << 20
    /// Open calls of one caller.
    public var window = 65_536
    /// The operator accepts that anyone may register, even from other machines.
    public var insecure = false

    public init(id: UInt64, name: String, callers: Endpoint, agents: Endpoint, join: JoinList) {
        self.id = id
        self.name = name
        self.callers = callers
        self.agents = agents
        self.join = join
    }
}
