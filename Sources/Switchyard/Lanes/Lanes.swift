import DequeModule
public import Logging
import NIOCore
import Synchronization
import Wire

/// 1,024 ordered queues in front of the handlers (rule S8).
///
/// Packets with equal lane key are handled one after the other in the order in which they came; different lanes run concurrently. A
/// handler that suspends delays its own lane alone; one that blocks its thread holds one of the threads. A lane holds at most 1,024
/// packets, after which `busy` is answered. A call over a second is logged and counted.
///
/// Several servers and service links of one program may share one ``Lanes``, and then share its threads.
public final class Lanes: Sendable {
    /// How many lanes there are.
    public static let count = 1_024
    /// A handler call that lasts longer is reported.
    static let stall = TimeAmount.seconds(1)

    private let stalls = Atomic<Int>(0)
    private let stopped = Atomic<Bool>(false)
    private let boxes = Mutex<[any LoopBox]>([])
    private let log: Mutex<EventLogBox>
    private let calls = Mutex(CallWatch())
    // Guard: set once in `init`, before anyone else has a reference.
    nonisolated(unsafe) private(set) var threads: LaneThreads!
    nonisolated(unsafe) private var lanes: [Lane] = []

    /// - Parameters:
    ///   - threads: the most threads on which handlers run; they are started on demand.
    ///   - logger: hears of handlers that throw, and of calls over a second.
    public init(threads: Int = 64, logger: Logger = Logger(label: "lanes")) {
        log = Mutex(EventLogBox(logger))
        let threads = LaneThreads(limit: threads) { [weak self] in self?.look() ?? false }
        self.threads = threads
        lanes = (0..<Lanes.count).map { _ in Lane(threads: threads) }
    }

    deinit {
        for lane in lanes { lane.stop() }
        threads.stop()
    }

    /// The lane of a key: the sender of equal keys waits in the same one.
    package static func lane(of key: UInt64) -> Int {
        // Sessions differ in their low bits, users in any: a multiplication spreads both.
        Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 54)
    }

    // MARK: - Numbers

    /// Packets that wait or are being handled, in all lanes.
    public var waiting: Int { lanes.reduce(0) { $0 + $1.count } }
    /// Packets that wait or are being handled, by lane.
    public var depths: [Int] { lanes.map(\.count) }
    /// Handler calls that have lasted over a second, so far.
    public var stallCount: Int { stalls.load(ordering: .relaxed) }
    /// Threads that have been started.
    public var threadCount: Int { threads.count }

    // MARK: - Work

    /// Appends to the lane of `key`; false when it is full.
    func append(_ item: consuming LaneItem, key: UInt64) -> Bool { lanes[Lanes.lane(of: key)].append(item) }

    /// Appends to that lane, and leaves what finds no room.
    /// - Parameter ready: gets the lane, if it is to be scheduled.
    func append(contentsOf items: inout UniqueDeque<LaneItem>, lane: Int, ready: inout UniqueDeque<Lane>) {
        let lane = lanes[lane]
        if lane.append(contentsOf: &items) { ready.append(lane) }
    }

    /// Calls `done` when everything that is in any lane now has been handled.
    func barrier(_ done: @escaping @Sendable () -> Void) {
        let left = Counter(1)
        let mark: @Sendable () -> Void = { if left.decrement() == 0 { done() } }
        for lane in lanes where lane.count > 0 {
            left.increment()
            if !lane.append(.marker(mark)) { mark() }
        }
        mark()
    }

    func register(_ box: any LoopBox) { boxes.withLock { $0.append(box) } }
    func unregister(_ box: any LoopBox) { boxes.withLock { $0.removeAll { $0 === box } } }

    var isStopped: Bool { stopped.load(ordering: .relaxed) }

    /// Calls no handler any more: cancels the calls under way, and answers `draining` to what waits (rule S25).
    public func stop() {
        stopped.store(true, ordering: .relaxed)
        for lane in lanes { lane.stop() }
        threads.stop()
    }

    // MARK: - Reports

    /// A handler threw: details go here and nowhere else.
    func handlerFailed(_ header: PacketHeader, _ error: any Error) {
        log.withLock { $0.log.event("handler", level: .error, "the handler of type \(header.type) threw for session \(header.session): \(error)") }
    }

    /// The watch's look: wakes event loops that a stuck thread did not wake, and finds calls that last. Returns whether anything is under way.
    private func look() -> Bool {
        for box in boxes.withLock({ $0 }) { box.announce() }
        let found = calls.withLock { $0.look(at: lanes, now: .now()) }
        for (lane, seconds) in found {
            stalls.wrappingAdd(1, ordering: .relaxed)
            log.withLock { $0.log.event("stall", "a handler call in lane \(lane) has lasted \(seconds) s; what waits behind it waits with it") }
        }
        return lanes.contains { $0.count > 0 }
    }
}
