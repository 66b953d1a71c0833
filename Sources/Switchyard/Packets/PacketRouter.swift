public import Wire

/// Which handler takes which packets: the whole of what a server, or a service behind a hub, does.
///
/// ```swift
/// PacketServer(listen: .host("127.0.0.1", port: 7100)) { router in
///     router.on(7) { packet, _ in packet }                       // echo: the reply is the packet
///     router.on(100...199) { packet, connection in               // several types, and no reply
///         try await store(packet.text, for: connection.user)
///         return nil
///     }
/// }
/// ```
///
/// The last handler that names a type has it; what an inline handler throws is answered like what one in a lane throws.
///
/// A handler of ``on(_:perform:)-(ClosedRange<UInt16>,_)`` runs in the lane of its packet's ``laneKey``: one call after the other for
/// equal keys, in the order in which the packets came, concurrently for others (rule S8). It may wait, and it may block. What it returns
/// goes back to the packet's sender, with the sender's identity filled in; nil answers nothing. What it throws is answered UNDELIVERED:
/// a ``PacketRefusal`` with its own code, anything else with `internal`, and then the details are in the log alone.
public struct PacketRouter: Sendable {
    /// Handles one packet in its lane; returns the reply.
    public typealias Handler = nonisolated(nonsending) @Sendable (Packet, PacketConnection) async throws -> Packet?
    /// Handles one packet on the event loop that read it; returns the reply. It must not wait or block: everything else on that loop waits
    /// with it.
    public typealias InlineHandler = @Sendable (consuming Packet, PacketConnection) throws -> Packet?
    /// Looks at one packet where it lies, on the event loop that read it, and answers it or not. It must not wait or block either. What it throws is
    /// answered UNDELIVERED.
    public typealias InPlaceHandler = @Sendable (borrowing PacketInPlace) throws -> Void
    /// Hears that a session has ended, and with which code: 8 when the client left by itself.
    public typealias ClosedHandler = nonisolated(nonsending) @Sendable (PacketConnection, _ code: UInt16) async -> Void
    /// Hears that every session that an edge has had so far is gone.
    public typealias EdgeResetHandler = nonisolated(nonsending) @Sendable (_ es: UInt32) async -> Void

    enum Route: Sendable {
        case none
        case lane(LaneRoute)
        case inline(InlineRoute)
        case inPlace(InPlaceRoute)
    }

    /// The same of a handler for lanes, which a packet takes with it.
    final class LaneRoute: Sendable {
        let handler: Handler
        init(_ handler: @escaping Handler) { self.handler = handler }
    }

    /// An inline handler, as an object, so that a packet can call it without counting a reference.
    final class InlineRoute: Sendable {
        let handler: InlineHandler
        init(_ handler: @escaping InlineHandler) { self.handler = handler }
    }

    /// The same of one that looks at packets where they lie.
    final class InPlaceRoute: Sendable {
        let handler: InPlaceHandler
        init(_ handler: @escaping InPlaceHandler) { self.handler = handler }
    }

    /// What decides in which lane a packet waits; the session unless told otherwise.
    public var laneKey = LaneKey.session

    private var routes: [Route] = [.none]
    /// The place in ``routes`` for every application type; the first stands for those that nobody has named.
    private var places = [UInt16](repeating: 0, count: 0x10000)
    private(set) var closedHandler: ClosedHandler?
    private(set) var edgeResetHandler: EdgeResetHandler?

    /// A router without handlers: every packet is answered `noRoute`.
    public init() {}

    /// Handles packets of one type in lanes. The last handler that names a type has it.
    /// - Parameters:
    ///   - type: 0 ... 0xFEFF; there is no handler for control packets.
    ///   - handler: called for each; what it returns is the reply.
    public mutating func on(_ type: UInt16, perform handler: @escaping Handler) { on(type...type, perform: handler) }

    /// Handles packets of several types in lanes.
    /// - Parameters:
    ///   - types: within 0 ... 0xFEFF; what lies above is not looked at.
    ///   - handler: called for each; what it returns is the reply.
    public mutating func on(_ types: ClosedRange<UInt16>, perform handler: @escaping Handler) { add(.lane(LaneRoute(handler)), for: types) }

    /// Handles packets of one type on the event loop that read them: the cheapest way, for what takes microseconds.
    /// - Parameters:
    ///   - type: 0 ... 0xFEFF.
    ///   - handler: called for each; it must not wait or block.
    public mutating func inline(_ type: UInt16, perform handler: @escaping InlineHandler) { inline(type...type, perform: handler) }

    /// Handles packets of several types on the event loop that read them.
    /// - Parameters:
    ///   - types: within 0 ... 0xFEFF; what lies above is not looked at.
    ///   - handler: called for each; it must not wait or block.
    public mutating func inline(_ types: ClosedRange<UInt16>, perform handler: @escaping InlineHandler) {
        add(.inline(InlineRoute(handler)), for: types)
    }

    /// Handles packets of one type on the event loop that read them, where they lie: nothing is copied or counted for a packet but what is answered.
    /// - Parameters:
    ///   - type: 0 ... 0xFEFF.
    ///   - handler: called for each; it must not wait or block.
    public mutating func inline(_ type: UInt16, inPlace handler: @escaping InPlaceHandler) { inline(type...type, inPlace: handler) }

    /// Handles packets of several types on the event loop that read them, where they lie.
    /// - Parameters:
    ///   - types: within 0 ... 0xFEFF; what lies above is not looked at.
    ///   - handler: called for each; it must not wait or block.
    public mutating func inline(_ types: ClosedRange<UInt16>, inPlace handler: @escaping InPlaceHandler) {
        add(.inPlace(InPlaceRoute(handler)), for: types)
    }

    /// Handles, in lanes, packets of every type that no other handler has named.
    public mutating func otherwise(perform handler: @escaping Handler) { routes[0] = .lane(LaneRoute(handler)) }

    /// Hears of every session that has ended, in the session's lane, behind its last packet (rule S12).
    public mutating func onClosed(perform handler: @escaping ClosedHandler) { closedHandler = handler }

    /// Hears that an edge (a gateway) has started anew, so that all of its earlier sessions are gone: called when every packet that came
    /// before has been handled, and before any later packet of that edge is.
    public mutating func onEdgeReset(perform handler: @escaping EdgeResetHandler) { edgeResetHandler = handler }

    private mutating func add(_ route: Route, for types: ClosedRange<UInt16>) {
        routes.append(route)
        for type in types where type < PacketHeader.firstControlType { places[Int(type)] = UInt16(routes.count - 1) }
    }

    /// The handler of a type.
    @inline(__always)
    func route(of type: UInt16) -> Route { routes[Int(places[Int(type)])] }

    /// The types that have a handler: what a service registers at a hub. Everything, with ``otherwise(perform:)``.
    public var types: TypeSet {
        if case .none = routes[0] {
            return TypeSet((0..<PacketHeader.firstControlType).filter { places[Int($0)] != 0 }.map { $0...$0 })
        }
        return .applicationTypes
    }
}

/// Thrown by a handler that will not do what a packet asks: the sender is answered UNDELIVERED with this code and reason.
public struct PacketRefusal: Error, Hashable, CustomStringConvertible {
    /// What the sender is told.
    public var code: Code
    /// Why, in at most 200 bytes; nil says the code's name. A gateway passes on the name alone.
    public var reason: String?

    /// A refusal with that code.
    public init(_ code: Code, _ reason: String? = nil) {
        self.code = code
        self.reason = reason
    }

    /// The code's name and the reason.
    public var description: String { reason.map { "\(code.name): \($0)" } ?? code.name }
}
