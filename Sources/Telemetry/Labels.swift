/// Values of the label `side`.
public enum Side: String, Sendable, CaseIterable { case clients, route, hub, edges, services, callers, agents, thrift, upstream }

/// Values of the label `direction`.
public enum Direction: String, Sendable { case `in`, out }

/// Values of the label `kind` of security events.
public enum SecurityKind: Int, Sendable, CaseIterable {
    case identity, cluster, credential, kind, answer, token

    public var name: String { "\(self)" }
}
