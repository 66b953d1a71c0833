import DequeModule

/// The tasks in which lanes are handled.
extension LaneThreads {
    /// Under the gate, which it gives up meanwhile: makes a job, behind those that wait, for the lanes that do.
    func startRunner() {
        starting += 1
        let rested = resting.popLast()
        gate.unlock()
        // Either way ``enqueue(_:)`` is called at once, but by a runner that has not gone to sleep yet: that goes on by itself.
        let fresh = rested == nil ? Task(executorPreference: self) { await self.handleLanes() } : nil
        rested?.resume(returning: true)
        gate.lock()
        guard let fresh else { return }
        runners.removeAll { $0.isCancelled }
        runners.append(fresh)
        guard isStopped else { return }
        gate.unlock()
        fresh.cancel()
        gate.lock()
    }

    private nonisolated(nonsending) func handleLanes() async {
        var batch = UniqueDeque<LaneItem>()
        var goesOn = true
        while goesOn {
            var lane = next(isFirst: true, behind: nil)
            while let current = lane.take() {
                let hasMore = await current.handle(&batch)
                await LaneThreads.goHome()
                lane = next(isFirst: false, behind: hasMore ? current : nil)
            }
            // Should a handler have cancelled the task that it runs in, that is not the next lanes' affair.
            goesOn = Task.isCancelled ? false : await rest()
        }
    }

    /// Whoever awaits this is back on its own executor behind it. A handler should leave its caller there, but compilers have forgotten that for
    /// some handlers that end by throwing, or are functions given by name; the next lane would run inside whatever actor the last handler used.
    @concurrent @inline(never)
    static func goHome() async {}

    /// The lane that has waited longest; nil when none waits, or when jobs have their turn.
    /// - Parameters:
    ///   - isFirst: the runner has just begun. What it may take in this job although others wait is as many lanes as wait now; a runner whose job
    ///     is that of a handler which was resumed has had its turn.
    ///   - lane: has been handled, and has more to do.
    private func next(isFirst: Bool, behind lane: consuming Lane?) -> Lane? {
        gate.lock()
        defer { gate.unlock() }
        if let lane { lanes.append(lane) }
        if isFirst { starting -= 1 }
        guard !lanes.isEmpty, !Task.isCancelled || isStopped else { return nil }
        var isMine = jobs.isEmpty
        _ = LaneWorker.withCurrent { worker in
            if isFirst { worker.quota = lanes.count }
            isMine = isMine || worker.quota > 0
            guard isMine else { return }
            worker.quota -= 1
            begin(worker)
        }
        return isMine ? lanes.popFirst() : nil
    }

    /// Waits until lanes do; false when the threads have stopped. Whoever comes here is on one of the threads, which looks for lanes again when
    /// this job has ended.
    private nonisolated(nonsending) func rest() async -> Bool {
        await withUnsafeContinuation { continuation in
            gate.lock()
            let isStopped = isStopped
            if !isStopped { resting.append(continuation) }
            gate.unlock()
            if isStopped { continuation.resume(returning: false) }
        }
    }
}
