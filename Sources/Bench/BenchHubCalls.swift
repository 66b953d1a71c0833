import Wire

extension BenchPlan {
    /// Content bytes of a call through an RPC hub.
    package static let hubCallSizes = 0...RPCHubBenchCodec.maxSize
}

/// Loads an RPC hub with calls of `rpc`; every connection is a caller of its own.
/// - Throws: ``BenchFailure`` when the plan cannot be carried out or nobody could be reached.
package func benchHubCalls(
    _ plan: BenchPlan, rpc: UInt32, type: Int32, token: [UInt8], onProgress: (@Sendable (BenchProgress) -> Void)? = nil
) async throws -> BenchReport {
    guard BenchPlan.hubCallSizes.contains(plan.size) else {
        throw BenchFailure(description: "size is \(plan.size); it must be 0 ... \(RPCHubBenchCodec.maxSize)")
    }
    var plan = plan
    plan.unit = .calls
    // Two runs at one hub must not take each other's callers over.
    let first = UInt64.random(in: 1...(UInt64.max >> 1))
    let run = BenchRun(plan) { [size = plan.size] index in
        RPCHubBenchCodec(rpc: rpc, type: type, size: size, identify: first + UInt64(index), token: token)
    }
    return try await run.run(onProgress: onProgress)
}
