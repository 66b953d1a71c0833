#if os(Linux)
    import CEpoll
    import Glibc

    /// What a reactor watches: one descriptor, and what happens when it is ready.
    ///
    /// Confined to its reactor's thread.
    package class Watcher {
        /// -1 when it has been closed.
        @exclusivity(unchecked) package fileprivate(set) final var descriptor: CInt
        /// The events that epoll has been asked for; nil when it does not watch.
        @exclusivity(unchecked) fileprivate(set) final var interest: UInt32?

        init(descriptor: CInt) { self.descriptor = descriptor }

        deinit { if descriptor >= 0 { Glibc.close(descriptor) } }

        /// Called with the events that are there, which may be more than were asked for (`EPOLLERR`, `EPOLLHUP`).
        func ready(_ events: UInt32) {}

        /// The reactor is going away.
        func reactorStops() {}
    }

    /// One epoll descriptor and who waits for what on it. Sockets are watched edge-triggered, which spares the kernel a second look at each
    /// that was ready: an event is told once, and again when it is asked for again.
    ///
    /// Confined to its reactor's thread.
    final class Poller {
        /// A watcher is known by its descriptor; the generation tells it from the one that had the same descriptor before, of whom an event
        /// of the same batch may still speak.
        private struct Seat {
            var watcher: Unmanaged<Watcher>?
            var generation: UInt32 = 0
        }

        private let epoll: CInt
        private let wakeup: CInt
        private let timer: CInt
        private let events = UnsafeMutablePointer<epoll_event>.allocate(capacity: Poller.batch)
        // Exclusivity is not checked: a watcher that is called comes back here, and no access to the list lasts over such a call.
        @exclusivity(unchecked) private var seats: [Seat] = []
        /// Those that left while events are told: they live until the last one has been.
        @exclusivity(unchecked) private var left: [Unmanaged<Watcher>] = []
        @exclusivity(unchecked) private var ringsAt = UInt64.max

        /// So many events are told in a row, before the turn ends.
        private static let batch = 512

        /// - Throws: the system's error number, when it has no more descriptors.
        init() throws {
            epoll = switchyard_epoll()
            wakeup = switchyard_eventfd()
            timer = switchyard_timerfd()
            // What has been opened is closed by `deinit`.
            guard epoll >= 0, wakeup >= 0, timer >= 0 else { throw SystemError(number: errno, call: "epoll") }
            // Edge-triggered, so that nobody has to read them: each write, and each ringing, is an edge.
            for own in [wakeup, timer] {
                var event = epoll_event(events: switchyard_in | switchyard_et, data: epoll_data_t(u64: UInt64(own)))
                epoll_ctl(epoll, CInt(EPOLL_CTL_ADD), own, &event)
            }
        }

        deinit {
            for descriptor in [epoll, wakeup, timer] where descriptor >= 0 { Glibc.close(descriptor) }
            events.deallocate()
        }

        /// Ends a ``wait(until:)``, from any thread.
        func wake() { eventfd_write(wakeup, 1) }

        // MARK: - Watching

        /// Asks for exactly these events from now on; those that are there already are told, too.
        /// - Throws: the system's error, when it watches no more descriptors.
        func watch(_ watcher: Watcher, for interest: UInt32) throws {
            guard watcher.descriptor >= 0 else { return }
            let isWatched = watcher.interest != nil
            let place = Int(watcher.descriptor)
            if !isWatched {
                while seats.count <= place { seats.append(Seat()) }
                seats[place].generation &+= 1
            }
            let known = UInt64(seats[place].generation) << 32 | UInt64(place)
            var event = epoll_event(events: interest, data: epoll_data_t(u64: known))
            guard epoll_ctl(epoll, CInt(isWatched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD), watcher.descriptor, &event) == 0 else {
                throw SystemError(number: errno, call: "epoll_ctl")
            }
            watcher.interest = interest
            if !isWatched {
                seats[place].watcher = .passRetained(watcher)
                count += 1
            }
        }

        /// Closes its descriptor, which also ends the watching.
        func close(_ watcher: Watcher) {
            guard watcher.descriptor >= 0 else { return }
            if watcher.interest != nil, let held = seats[Int(watcher.descriptor)].watcher {
                seats[Int(watcher.descriptor)].watcher = nil
                left.append(held)
                count -= 1
            }
            watcher.interest = nil
            _ = Glibc.close(watcher.descriptor)
            watcher.descriptor = -1
        }

        /// How many are watched now.
        @exclusivity(unchecked) private(set) var count = 0

        /// All that are watched now.
        var watchers: [Watcher] { seats.compactMap { $0.watcher?.takeUnretainedValue() } }

        // MARK: - Waiting

        /// Waits for events and tells them.
        /// - Parameter deadline: nanoseconds of the monotonic clock; 0 is not to wait, the largest number is to wait for events alone.
        func wait(until deadline: UInt64) {
            letGo()
            var timeout: CInt = -1
            if deadline == 0 {
                timeout = 0
            } else if deadline < ringsAt {
                // A timer that rings too early, for what has been cancelled, costs one look; setting it costs a system call each time.
                switchyard_timerfd_set(timer, deadline)
                ringsAt = deadline
            }
            let count = epoll_wait(epoll, events, CInt(Poller.batch), timeout)
            guard count > 0 else { return }
            for index in 0..<Int(count) {
                let known = events[index].data.u64
                let place = Int(known & 0xFFFF_FFFF)
                if place < seats.count, let watcher = seats[place].watcher, seats[place].generation == UInt32(known >> 32) {
                    // Guard: retained by its seat, or else by `left`, until the loop is over.
                    watcher._withUnsafeGuaranteedRef { $0.ready(events[index].events) }
                } else if known == UInt64(timer) {
                    ringsAt = .max
                }
            }
            letGo()
        }

        private func letGo() { while let gone = left.popLast() { gone.release() } }
    }

    /// A system call that failed.
    struct SystemError: Error {
        var number: CInt
        var call: StaticString
    }
#endif
