import Wire

extension BenchPlan {
    /// Content sizes that a benchmark of calls can have.
    package static let callSizes = 0...ThriftBenchCodec.maxSize
}

/// Loads a Thrift server, or a proxy in front of some, with calls of one method.
///
/// - Parameters:
///   - type: of every request.
///   - onProgress: called once a second while the run goes on.
/// - Throws: ``BenchFailure`` when the run cannot begin.
package func benchCalls(
    _ plan: BenchPlan, method: String, type: Int32, onProgress: (@Sendable (BenchProgress) -> Void)? = nil
) async throws -> BenchReport {
    guard BenchPlan.callSizes.contains(plan.size) else {
        throw BenchFailure(description: "size is \(plan.size); it must be 0 ... \(ThriftBenchCodec.maxSize)")
    }
    var plan = plan
    plan.unit = .calls
    let run = BenchRun(plan) { [size = plan.size] _ in ThriftBenchCodec(method: method, type: type, size: size) }
    return try await run.run(onProgress: onProgress)
}
