import Links
import NIOCore
import NIOPosix

/// Carries out a ``BenchPlan`` with one protocol: connects, starts every loop at one moment, and adds up what they measured.
///
/// Cancelling the task that runs it ends sending; the result so far is returned.
package struct BenchRun<Codec: BenchCodec>: Sendable {
    /// Dialed at once; more would overrun the listener's queue.
    private static var dialBatch: Int { 64 }
    private static var dialTimeout: TimeAmount { .seconds(5) }

    private let plan: BenchPlan
    private let makeCodec: @Sendable (Int) -> Codec

    /// - Parameter makeCodec: makes the codec of a connection, from its place in 0 ..< `plan.connections`.
    package init(_ plan: BenchPlan, makeCodec: @escaping @Sendable (Int) -> Codec) {
        var plan = plan
        plan.loops = min(plan.loops, plan.connections)
        self.plan = plan
        self.makeCodec = makeCodec
    }

    /// - Parameter onProgress: called once a second while the run goes on.
    /// - Throws: ``BenchFailure`` when the run cannot begin.
    package func run(onProgress: (@Sendable (BenchProgress) -> Void)? = nil) async throws -> BenchReport {
        if let fault = plan.fault { throw BenchFailure(description: fault) }
        let security: DialerSecurity?
        do {
            security = try plan.tls.map { try DialerSecurity($0, logger: nil) }
        } catch {
            throw BenchFailure(description: "\(error)")
        }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: plan.loops)
        do {
            let report = try await run(on: group, security, onProgress: onProgress)
            try? await group.shutdownGracefully()
            return report
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
    }

    private func run(on group: MultiThreadedEventLoopGroup, _ security: DialerSecurity?, onProgress: (@Sendable (BenchProgress) -> Void)?)
        async throws -> BenchReport
    {
        var loops: [Seat] = []
        for (place, eventLoop) in group.makeIterator().enumerated() { loops.append(try await seat(place, on: eventLoop)) }
        let seats = loops
        do {
            try await dial(seats, security)
        } catch {
            for seat in seats {
                seat.finished.fail(error)
                seat.eventLoop.execute { seat.loop.value.discard() }
            }
            throw error
        }
        let timeline = Timeline(start: NIODeadline.now().uptimeNanoseconds, plan: plan)
        async let _ = watch(seats, since: timeline, onProgress)
        let results = try await withTaskCancellationHandler {
            for seat in seats { seat.eventLoop.execute { seat.loop.value.start(timeline) } }
            var results: [LoadResult] = []
            for seat in seats { results.append(try await seat.finished.futureResult.get()) }
            return results
        } onCancel: {
            for seat in seats { seat.eventLoop.execute { seat.loop.value.interrupt() } }
        }
        return BenchReport(plan: plan, results: results)
    }

    /// One loop of the run.
    private struct Seat: Sendable {
        let eventLoop: any EventLoop
        let loop: NIOLoopBound<LoadLoop<Codec>>
        let finished: EventLoopPromise<LoadResult>
    }

    private func seat(_ place: Int, on eventLoop: any EventLoop) async throws -> Seat {
        let finished = eventLoop.makePromise(of: LoadResult.self)
        let loop = try await eventLoop.submit {
            NIOLoopBound(LoadLoop(plan: plan, place: place, eventLoop: eventLoop, finished: finished, makeCodec: makeCodec), eventLoop: eventLoop)
        }.get()
        return Seat(eventLoop: eventLoop, loop: loop, finished: finished)
    }

    // MARK: Dialing

    private func dial(_ seats: [Seat], _ security: DialerSecurity?) async throws {
        var index = 0
        while index < plan.connections {
            if Task.isCancelled { throw BenchFailure(description: "interrupted while connecting to \(plan.target): nothing was measured") }
            let batch = index..<min(index + BenchRun.dialBatch, plan.connections)
            let attempts = batch.map { dial($0, on: seats[$0 % seats.count], security) }
            for (offset, attempt) in attempts.enumerated() {
                do {
                    try await attempt.get()
                } catch {
                    let place = plan.connections == 1 ? "" : " (connection \(index + offset + 1) of \(plan.connections))"
                    throw BenchFailure(description: "cannot connect to \(plan.target)\(place): \(connectionFaultReason(error))")
                }
            }
            index = batch.upperBound
        }
    }

    private func dial(_ index: Int, on seat: Seat, _ security: DialerSecurity?) -> EventLoopFuture<Void> {
        let loop = seat.loop
        let bootstrap = ClientBootstrap(group: seat.eventLoop)
            .connectTimeout(BenchRun.dialTimeout)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 64 * 1024))
            .channelOption(.writeBufferWaterMark, value: ChannelOptions.Types.WriteBufferWaterMark(low: 64 * 1024, high: 256 * 1024))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if security == nil { try channel.pipeline.syncOperations.addHandler(try loop.value.handler(of: index)) }
                }
            }
        guard let security else { return bootstrap.connect(to: plan.target).map { _ in } }
        let target = plan.target
        return bootstrap.connect(to: target).flatMap { channel in
            security.secure(channel, endpoint: target, within: BenchRun.dialTimeout).flatMapThrowing {
                try channel.pipeline.syncOperations.addHandler(try loop.value.handler(of: index))
            }
        }
    }

    // MARK: Progress

    private func watch(_ seats: [Seat], since timeline: Timeline, _ onProgress: (@Sendable (BenchProgress) -> Void)?) async {
        guard let onProgress else { return }
        var last = BenchProgress(elapsed: 0, isWarmUp: true, answers: 0, rate: 0, open: 0, undelivered: 0, lost: 0)
        while !Task.isCancelled {
            do {
                try await Task.sleep(for: .seconds(1))
                var next = BenchProgress(timeline: timeline, at: NIODeadline.now().uptimeNanoseconds)
                next.unit = plan.unit
                for seat in seats {
                    let part = try await seat.eventLoop.submit { seat.loop.value.progress }.get()
                    next.add(part)
                }
                next.setRate(since: last)
                last = next
                if !Task.isCancelled { onProgress(next) }
            } catch {
                return
            }
        }
    }
}

/// Why a benchmark could not begin, as one clear line.
package struct BenchFailure: Error, CustomStringConvertible {
    package let description: String
}
