import Links
import Membership
import NIOCore
import Routing
import Telemetry
import ThriftLink
import Wire

/// One loop's part of the door for Thrift callers: a `ProtoService` call becomes a call of the hub, and its outcome the Thrift answer.
/// To the desk it is one caller, ``Asker/door``, whose numbers are places here.
///
/// Confined to its shard's event loop.
final class ThriftAsker: ThriftCallHandler {
    // The shard owns it.
    private unowned let shard: Shard
    /// A reload gives it another.
    var rpcID: RPCHubSettings.ThriftDoor.RPCID
    private static let method = Array("rpc".utf8)
    @exclusivity(unchecked) private var waiting = Slab<Waiter>(.wide)
    /// The REQUEST that is being made; used again for each.
    @exclusivity(unchecked) private var scratch = ByteBuffer()

    private struct Waiter {
        let connection: ThriftConnection
        let ticket: UInt64
        /// Where the call is; nil while nobody has it.
        var place: CallPlace?
    }

    init(shard: Shard, rpcID: RPCHubSettings.ThriftDoor.RPCID) {
        self.shard = shard
        self.rpcID = rpcID
    }

    // MARK: - Calls

    func call(_ call: ThriftCall, from connection: ThriftConnection) {
        guard ThriftAsker.isOurs(call.name) else {
            let name = String(decoding: call.name.prefix(100), as: UTF8.self)
            return refuse(call, connection, .noRoute, "there is no method \(name)")
        }
        let arguments: ThriftBody.ArgumentPlaces
        do {
            arguments = try ThriftBody.arguments(call.bytes, body: call.head.body, encoding: call.encoding)
        } catch {
            return refuse(call, connection, .badRequest, error.description)
        }
        let rpc: UInt32 =
            switch rpcID {
            case .type: UInt32(bitPattern: arguments.type)
            case .fixed(let id): id
            }
        let payloadCount = ProtoRequest.leastPayload + arguments.content.count
        guard RPCHeader.size + payloadCount <= shard.settings.maxFrame else {
            return refuse(
                call, connection, .tooLarge, "\(arguments.content.count) bytes of content; a frame has at most \(shard.settings.maxFrame)")
        }
        var number: UInt64 = 0
        if !call.isOneway {
            guard let place = waiting.insert(Waiter(connection: connection, ticket: call.ticket)) else {
                return refuse(call, connection, .busy, "no place for another open call")
            }
            number = place
        }
        let header = RPCHeader(.request, payloadCount: payloadCount, oneway: call.isOneway, rpc: rpc, call: number)
        scratch.clear()
        scratch.writeRPCHeader(header)
        scratch.writeMultipleIntegers(arguments.type, arguments.shardingID)
        scratch.writeBytes(UnsafeRawBufferPointer(rebasing: call.bytes[arguments.content]))
        scratch.withUnsafeReadableBytes { frame in
            // Guard: it has a header, so a base address exists.
            shard.requestAtDoor(header, frame.baseAddress!)
        }
    }

    /// `rpc`, also behind the `service:` of a client that multiplexes.
    private static func isOurs(_ name: UnsafeRawBufferPointer) -> Bool {
        guard name.count > method.count else { return name.elementsEqual(method) }
        return name.suffix(method.count).elementsEqual(method) && name[name.endIndex - method.count - 1] == UInt8(ascii: ":")
    }

    private func refuse(_ call: ThriftCall, _ connection: ThriftConnection, _ code: Code, _ reason: String) {
        shard.counters.undelivered.add(code)
        if !call.isOneway { connection.answer(call.ticket, ThriftException(code, reason)) }
    }

    /// An agent has the call.
    @inline(__always)
    func opened(_ number: UInt64, at place: CallPlace) { waiting[number]?.place = place }

    // MARK: - Outcomes

    func answered(_ number: UInt64, payload: UnsafeRawBufferPointer) {
        guard let waiter = waiting.remove(number), waiter.connection.isOpen else { return }
        guard let reply = try? ProtoReply(payload: ByteBuffer(bytes: payload)) else { return }
        waiter.connection.answer(waiter.ticket, reply)
    }

    /// - Parameter reason: begins with the code's name.
    func failed(_ number: UInt64, code: UInt16, reason: String) {
        guard let waiter = waiting.remove(number), waiter.connection.isOpen else { return }
        let kind = Code(rawValue: code).map { ThriftException($0, "").kind } ?? .internalError
        waiter.connection.answer(waiter.ticket, ThriftException(kind, reason))
    }

    /// A Thrift caller is gone: its calls are cancelled (rule S28).
    func connectionClosed(_ connection: ThriftConnection) {
        guard !waiting.isEmpty else { return }
        for (number, place) in numbers(of: connection) {
            _ = waiting.remove(number)
            if let place { shard.abandonAtDoor(place) }
        }
    }

    private func numbers(of connection: ThriftConnection) -> [(UInt64, CallPlace?)] {
        var found: [(UInt64, CallPlace?)] = []
        waiting.visit { number, waiter in if waiter.connection === connection { found.append((number, waiter.place)) } }
        return found
    }
}
