import Links
import Logging
import NIOCore
import Wire

/// Leaving, the upstream's and ours (rule S25).
extension DirectUpstream {
    /// A direct upstream that has not answered DRAIN by then is taken to have answered.
    private static let drainAnswer = TimeAmount.seconds(1)

    func drainSaid(_ drain: Result<Drain, any Error>) {
        guard case .success(let drain) = drain else {
            shard.counters.ignored += 1
            return
        }
        guard drain.deadlineMilliseconds > 0 else { return drainAnswered() }
        guard state == .up else { return }
        state = .draining
        shard.log.event("draining", level: .info, "\(name) is leaving; it gets nothing new")
        stopLoops()
    }

    private func stopLoops() {
        loopsToStop = shard.shards.count
        let id = connection.trunk.id
        shard.toEach { shard in
            shard.connectionChanged(id, to: .draining)
            shard.confirmStopped(id)
        }
    }

    /// One loop has handed over everything it had; when all have, DRAIN 0 says that nothing new follows.
    func loopStopped() {
        loopsToStop -= 1
        guard loopsToStop == 0 else { return }
        if state == .draining {
            connection.link?.append(Packet(Drain(deadlineMilliseconds: 0)), format: route.format)
        } else if state == .retiring {
            takeLeave()
        }
    }

    // MARK: - Retiring (rule S26)

    var isRetired: Bool { source.isRetired }

    func retire() {
        switch state {
        case .waiting, .dialing:
            state = .stopped
            shard.loop.cancel(timer)
        case .up:
            state = .retiring
            shard.log.event("retired", level: .info, "\(name) is no longer listed; it gets nothing new")
            stopLoops()
        // It leaves by itself, and is not dialed again.
        case .draining, .retiring, .leaving, .stopped: break
        }
    }

    private func takeLeave() {
        guard route.settings.legacy else {
            _ = leave(within: DirectUpstream.retirement)
            return
        }
        // It knows no DRAIN: what it has been sent is given as long to be answered.
        state = .leaving
        shard.loop.cancel(timer)
        shard.loop.arm(leaveTimer, at: shard.loop.eventLoop.now + DirectUpstream.drainAnswer)
    }

    /// What a retired upstream is told that it has.
    private static let retirement = TimeAmount.seconds(30)

    // MARK: - Ours

    /// The gateway's last client is closed: say DRAIN, wait for the answer, close when everything is written.
    func leave(within limit: TimeAmount) -> EventLoopFuture<Void> {
        // One that is retired, and then left with all the others, has been told already.
        if let whenStopped { return whenStopped.futureResult }
        let promise = shard.loop.eventLoop.makePromise(of: Void.self)
        whenStopped = promise
        shard.loop.cancel(timer)
        let link = connection.link
        let isLinked = link?.isOpen ?? false
        state = isLinked ? .leaving : .stopped
        if let link, isLinked {
            shard.loop.cancel(link.timer)
            if route.settings.legacy {
                closeWhenEmpty()
            } else {
                link.append(Packet(Drain(deadlineMilliseconds: UInt32(clamping: max(1, limit.nanoseconds / 1_000_000)))), format: route.format)
                shard.loop.arm(leaveTimer, at: shard.loop.eventLoop.now + DirectUpstream.drainAnswer)
            }
        } else {
            finish()
        }
        return promise.futureResult
    }

    func drainAnswered() {
        guard state == .leaving else { return }
        shard.loop.cancel(leaveTimer)
        closeWhenEmpty()
    }

    /// An upstream that reads late still gets everything; at `drainTimeout` the rest is cut.
    private func closeWhenEmpty() {
        guard let link = connection.link else { return }
        isClosingWhenEmpty = link.queued > 0
        if isClosingWhenEmpty { link.resumeMark = 0 } else { link.close(.draining) }
    }

    func settleIfLeaving() {
        if state == .leaving || state == .stopped { finish() }
    }

    func finish() {
        state = .stopped
        whenStopped?.succeed(())
        whenStopped = nil
    }

    /// The drain deadline has passed.
    func cut() {
        state = .stopped
        connection.link?.abandon(.draining)
        finish()
    }
}
