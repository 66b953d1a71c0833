import HeapModule
import NIOCore

/// What is to be done at a time: the earliest first, what is due together in the order in which it was asked for. Pure.
struct Timers {
    /// One kind allocates for each timer, the other does not.
    enum Work {
        case task(run: () -> Void, cancelled: () -> Void)
        case callback(any NIOScheduledCallbackHandler & Sendable)
    }

    private struct Entry: Comparable {
        var deadline: UInt64
        var id: UInt64

        static func < (one: Entry, other: Entry) -> Bool { (one.deadline, one.id) < (other.deadline, other.id) }
    }

    private var heap = Heap<Entry>()
    /// What was cancelled is not here, and may stay in the heap until its time.
    private var work: [UInt64: Work] = [:]

    mutating func add(_ id: UInt64, at deadline: NIODeadline, _ new: Work) {
        heap.insert(Entry(deadline: deadline.uptimeNanoseconds, id: id))
        work[id] = new
    }

    /// - Returns: what will not be done now; nil when it has been, or was cancelled before.
    mutating func remove(_ id: UInt64) -> Work? {
        defer { forgetCancelled() }
        return work.removeValue(forKey: id)
    }

    /// Long timers that are cancelled again and again must not pile up until their time.
    private mutating func forgetCancelled() {
        guard heap.count > 2 * work.count + 64 else { return }
        heap = Heap(heap.unordered.filter { work[$0.id] != nil })
    }

    var isEmpty: Bool { work.isEmpty }
    /// Entries that memory is held for, of which some may have been cancelled.
    var held: Int { heap.count }

    /// When there is something to do next.
    mutating func next() -> UInt64? {
        while let first = heap.min, work[first.id] == nil { heap.removeMin() }
        return heap.min?.deadline
    }

    /// The next that is due.
    mutating func due(at now: NIODeadline) -> Work? {
        while let first = heap.min, first.deadline <= now.uptimeNanoseconds {
            heap.removeMin()
            if let due = work.removeValue(forKey: first.id) { return due }
        }
        return nil
    }

    /// Takes everything that is not due yet.
    mutating func removeAll() -> [Work] {
        heap = Heap()
        defer { work = [:] }
        return work.sorted { $0.key < $1.key }.map(\.value)
    }
}
