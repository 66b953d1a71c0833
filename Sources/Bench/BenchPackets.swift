import Wire

extension BenchPlan {
    /// Body sizes that a packet benchmark can have: from the stamp alone to the largest body.
    package static let packetSizes = PacketBenchCodec.minSize...PacketHeader.maxBody
}

/// Loads a gateway with packets of one type.
///
/// - Parameter onProgress: called once a second while the run goes on.
/// - Throws: ``BenchFailure`` when the run cannot begin.
package func benchPackets(
    _ plan: BenchPlan, type: UInt16, onProgress: (@Sendable (BenchProgress) -> Void)? = nil
) async throws -> BenchReport {
    guard BenchPlan.packetSizes.contains(plan.size) else {
        throw BenchFailure(description: "size is \(plan.size); it must be \(PacketBenchCodec.minSize) ... \(PacketHeader.maxBody)")
    }
    let run = BenchRun(plan) { PacketBenchCodec(type: type, size: plan.size, connection: UInt32($0)) }
    return try await run.run(onProgress: onProgress)
}
