import Wire

/// A call that an agent has taken, seen where it lies: valid while ``AgentWorker/begin(_:_:)`` runs.
package struct AgentCall {
    package let rpc: UInt32
    package let type: Int32
    package let shardingID: Int64
    package let content: UnsafeRawBufferPointer
    /// Milliseconds until the hub gives the call up; 0 when it did not say.
    package let timeLeft: Int
    package let isOneway: Bool

    /// - Parameter payload: of a REQUEST, with at least ``Wire/ProtoRequest/leastPayload`` bytes.
    init(_ header: RPCHeader, payload: UnsafeRawPointer) {
        rpc = header.rpc
        timeLeft = Int(header.timeoutMilliseconds)
        isOneway = header.isOneway
        type = Int32(bigEndian: payload.loadUnaligned(as: Int32.self))
        shardingID = ProtoRequest.shardingID(at: payload)
        let least = ProtoRequest.leastPayload
        content = UnsafeRawBufferPointer(start: payload + least, count: header.payloadCount - least)
    }

    /// What an agent allows itself of the time left, so that its answer is there before the hub gives up (rule S28): all but a tenth, which is at
    /// least 10 ms and at most 1 s.
    package static func time(within left: Int) -> Int { max(left - min(max(left / 10, 10), 1000), 0) }
}

/// Who does the work of an ``AgentDesk``: a Thrift server behind a pool of connections, or a function of the program.
package protocol AgentWorker: AnyObject {
    /// Starts a call. Exactly one of the desk's `answer` and `refuse` is called for its ticket, now or later, on the desk's loop; for a oneway
    /// call too.
    func begin(_ call: AgentCall, _ ticket: UInt64)
    /// Nobody wants the answer any more: the hub gave the call up, or is gone. It still has to end.
    func abandoned(_ ticket: UInt64)
    /// Bytes that it keeps for calls.
    var heldBytes: Int { get }
}
