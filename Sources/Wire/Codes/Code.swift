/// Why a packet, a call or a link ended: one table for every wire, log, metric label and error type.
///
/// Source: protocol section 5. A code read off a wire may be one that this version does not know; such values stay `UInt16`.
public enum Code: UInt16, Sendable, CaseIterable {
    /// Nothing is configured or registered for that type, method or RPC id.
    case noRoute = 1
    /// That upstream, hub, edge, session, user or caller is not connected.
    case noPeer = 2
    /// A bounded queue or window is full.
    case busy = 3
    /// The peer is leaving; the work was not started.
    case draining = 4
    /// The link was lost before a byte of it was written.
    case neverSent = 5
    /// The link was lost after it was written: it may have been processed.
    case lost = 6
    /// No answer in time: it may have been processed.
    case deadline = 7
    /// The caller withdrew or went away; a client left by itself.
    case cancelled = 8
    /// Malformed for its kind.
    case badRequest = 9
    /// Over a size limit.
    case tooLarge = 10
    /// Not allowed to say this.
    case unauthorized = 11
    /// Over a rate, connection or memory limit.
    case rateLimited = 12
    /// The same identity registered elsewhere.
    case takenOver = 13
    /// Framing, handshake or an answer broken.
    case `protocol` = 14
    /// Handshake version unknown.
    case unsupportedVersion = 15
    /// The outbound queue went over its limit.
    case slowConsumer = 16
    /// The Thrift server answered with an exception.
    case remoteException = 17
    /// Nothing was heard for the idle time.
    case idle = 18
    /// Our own fault, or a handler that threw; details are in the log only.
    case `internal` = 19

    /// The name in the table: log field, metric label, and the reason that clients are told.
    public var name: String { Code.names[Int(rawValue)] }

    /// The name of a code as it came off the wire: the table's, or the number when this version does not know it.
    public static func name(of raw: UInt16) -> String { Code(rawValue: raw)?.name ?? "code \(raw)" }

    private static let names = [
        "", "noRoute", "noPeer", "busy", "draining", "neverSent", "lost", "deadline", "cancelled", "badRequest", "tooLarge",
        "unauthorized", "rateLimited", "takenOver", "protocol", "unsupportedVersion", "slowConsumer", "remoteException", "idle",
        "internal",
    ]
}
