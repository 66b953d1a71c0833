/// Every metric name, with its kind, its help text and its labels: the one place where they are written. Source: config, Metrics.
public enum Metric: String, CaseIterable, Sendable {
    case linksOpen = "links_open"
    case linksClosed = "links_closed_total"
    case connectionsRefused = "connections_refused_total"
    case packets = "packets_total"
    case bytes = "bytes_total"
    case undelivered = "undelivered_total"
    case securityEvents = "security_events_total"
    case reconnects = "reconnects_total"
    case queueBytes = "queue_bytes"
    case multicastMembers = "multicast_members_total"
    case ignored = "ignored_total"
    case discarded = "discarded_total"
    case laneDepth = "lane_depth"
    case laneStalls = "lane_stalls_total"
    case calls = "calls_total"
    case callsInFlight = "calls_in_flight"
    case callsPending = "calls_pending"
    case callSeconds = "call_seconds"
    case upstreamSeconds = "upstream_seconds"
    case ejections = "ejections_total"
    case retries = "retries_total"
    case lateAnswers = "late_answers_total"
    case takeovers = "takeovers_total"
    case registrations = "registrations"
    case tableBuilds = "table_builds_total"
    case oldestPending = "oldest_pending_milliseconds"
    case loopDelay = "loop_delay_microseconds"
    case configVersion = "config_version"
    case configReloads = "config_reloads_total"
    case draining = "draining"
    case buildInfo = "build_info"

    /// What every name starts with.
    public static let prefix = "switchyard_"

    public enum Kind: String, Sendable { case counter, gauge, histogram }

    /// The name as Prometheus sees it.
    public var name: String { Metric.prefix + rawValue }

    public var kind: Kind {
        switch self {
        case .linksOpen, .queueBytes, .laneDepth, .registrations, .callsInFlight, .callsPending, .oldestPending, .loopDelay, .configVersion,
            .draining,
            .buildInfo:
            .gauge
        case .callSeconds, .upstreamSeconds: .histogram
        default: .counter
        }
    }

    public var help: String {
        switch self {
        case .linksOpen: "Links that are open now."
        case .linksClosed: "Links that ended, by the code that ended them."
        case .connectionsRefused: "Connections that were closed before they were links: by address, without a PROXY header, in TLS, or as too many."
        case .packets: "Application packets; in: from clients, out: to clients."
        case .bytes: "Bytes of packets; in: from clients, out: to clients."
        case .undelivered: "Packets that were not delivered, by the code that their sender was told."
        case .securityEvents: "Things that a peer said and is not allowed to say."
        case .reconnects: "Attempts to connect after the first, by the peer's address."
        case .queueBytes: "Bytes that wait to be written now."
        case .multicastMembers: "Sessions that a MULTICAST or push to a user named, delivered and absent."
        case .ignored: "Control packets of kinds that this version does not know, or that an old server sent."
        case .discarded: "Notices that no one was left to hear, by what they were."
        case .laneDepth: "Packets that wait in lanes or are being handled now."
        case .laneStalls: "Handler calls that have lasted over a second."
        case .calls: "Calls that ended, by how."
        case .callsInFlight: "Calls that have come and not ended."
        case .callsPending: "What is kept for calls toward upstreams: sent, waiting for a connection, given up with the answer still to come."
        case .callSeconds: "From a call's arrival to its end."
        case .upstreamSeconds: "From a call's going out to a Thrift server to its answer."
        case .ejections: "Upstreams that were left out because they failed."
        case .lateAnswers: "Answers that came after their call was given up, and were dropped."
        case .retries: "What was sent on another way after its first failed, by why."
        case .takeovers: "Identities that were registered anew while their old link was live, by the member's role."
        case .registrations: "Members that are registered now."
        case .tableBuilds: "Routing tables that were built."
        case .oldestPending: "Age of the oldest packet or call that waits, 0 while none does."
        case .loopDelay: "How long the event loop took to come to this look: what a packet that comes now waits, too."
        case .configVersion: "1 after the start, one more for each configuration that was taken over since."
        case .configReloads: "Times that the configuration was read again: ok, or refused with nothing changed."
        case .draining: "1 while the process drains."
        case .buildInfo: "1, with the version as label."
        }
    }

    /// What several loops say about the same labels is not added up: the largest stands for all.
    public var isMaximum: Bool { self == .oldestPending }

    /// The labels, in the order in which samples give their values.
    public var labels: [String] {
        switch self {
        case .linksOpen, .queueBytes: ["role", "side"]
        case .linksClosed: ["role", "side", "code"]
        case .connectionsRefused: ["role", "side", "why"]
        case .packets: ["role", "route", "direction"]
        case .bytes: ["role", "direction"]
        case .undelivered: ["role", "route", "code"]
        case .securityEvents: ["role", "kind"]
        case .reconnects: ["role", "peer"]
        case .oldestPending: ["role", "route"]
        case .loopDelay: ["loop"]
        case .multicastMembers: ["outcome"]
        case .ignored, .laneDepth, .laneStalls, .draining, .registrations, .tableBuilds: ["role"]
        case .calls: ["role", "route", "outcome"]
        case .callsInFlight, .callSeconds, .upstreamSeconds: ["role", "route"]
        case .callsPending: ["role", "route", "state"]
        case .ejections: ["route"]
        case .lateAnswers: ["role"]
        case .retries: ["route", "why"]
        case .takeovers: ["kind"]
        case .discarded: ["role", "what"]
        case .configVersion: []
        case .configReloads: ["result"]
        case .buildInfo: ["version"]
        }
    }
}

/// One number at one moment.
public struct Sample: Sendable, Hashable {
    public var metric: Metric
    /// One for each of ``Metric/labels``.
    public var labels: [String]
    /// Of a histogram: how many there were.
    public var value: Int
    /// Of a histogram: how they are spread.
    public var distribution: Distribution?

    public init(_ metric: Metric, _ labels: String..., distribution: Distribution) {
        self.metric = metric
        self.labels = labels
        self.distribution = distribution
        value = distribution.count
    }

    public init(_ metric: Metric, _ labels: String..., value: Int) {
        self.metric = metric
        self.labels = labels
        self.value = value
    }
}
