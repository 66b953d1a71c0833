import NIOCore
import Wire

/// The calls of one connection that are not answered out, in the order in which they came, and the answers that wait for those before
/// them (rule S24). Pure.
///
/// A ticket is a slot and how often the slot was used, so that an answer that comes twice, or too late, finds nothing.
struct OpenCalls {
    /// What the answer needs of the question.
    struct Call: Equatable {
        var form: ThriftForm
        var sequence: Int32
        /// The number of the method's name among ``MethodNames``.
        var name: Int
    }

    private struct Slot {
        var call: Call
        var generation: UInt32 = 1
        var next = -1
        var previous = -1
        var isOpen = true
        var answer: [ByteBuffer]?
    }

    private var slots: [Slot] = []
    private var free: [Int] = []
    private var oldest = -1
    private var newest = -1
    /// Calls without an answer.
    private(set) var open = 0
    /// Bytes of answers that wait for their turn.
    private(set) var heldBytes = 0

    /// Calls without an answer, and answers that wait.
    var count: Int { slots.count - free.count }

    /// A call came; returns its ticket, never 0.
    mutating func begin(_ call: Call) -> UInt64 {
        let index: Int
        if let reused = free.popLast() {
            index = reused
            slots[index].call = call
            slots[index].isOpen = true
        } else {
            index = slots.count
            slots.append(Slot(call: call))
        }
        slots[index].previous = newest
        slots[index].next = -1
        if newest >= 0 { slots[newest].next = index } else { oldest = index }
        newest = index
        open += 1
        return UInt64(slots[index].generation) << 32 | UInt64(index)
    }

    /// The call of a ticket that has no answer yet.
    func call(_ ticket: UInt64) -> Call? { index(of: ticket).map { slots[$0].call } }

    /// Whether an answer to it may go out now: nothing that came before it is unanswered.
    func isNext(_ ticket: UInt64) -> Bool { index(of: ticket) == oldest && oldest >= 0 }

    /// Its answer has gone out.
    mutating func end(_ ticket: UInt64) {
        guard let index = index(of: ticket) else { return }
        open -= 1
        remove(index)
    }

    /// Its answer waits for those before it.
    mutating func hold(_ ticket: UInt64, _ answer: [ByteBuffer]) {
        guard let index = index(of: ticket) else { return }
        open -= 1
        slots[index].isOpen = false
        slots[index].answer = answer
        heldBytes += answer.reduce(0) { $0 + $1.readableBytes }
    }

    /// The oldest call when its answer waits: that goes out now. Returns the answer, and the number of the name that it has no use for now.
    mutating func takeNext() -> (answer: [ByteBuffer], name: Int)? {
        guard oldest >= 0, let answer = slots[oldest].answer else { return nil }
        let name = slots[oldest].call.name
        heldBytes -= answer.reduce(0) { $0 + $1.readableBytes }
        remove(oldest)
        return (answer, name)
    }

    private func index(of ticket: UInt64) -> Int? {
        let index = Int(ticket & 0xFFFF_FFFF)
        guard index < slots.count, slots[index].isOpen, slots[index].generation == UInt32(ticket >> 32) else { return nil }
        return index
    }

    private mutating func remove(_ index: Int) {
        let (previous, next) = (slots[index].previous, slots[index].next)
        if previous >= 0 { slots[previous].next = next } else { oldest = next }
        if next >= 0 { slots[next].previous = previous } else { newest = previous }
        slots[index].answer = nil
        slots[index].isOpen = false
        slots[index].generation &+= 1
        if slots[index].generation == 0 { slots[index].generation = 1 }
        free.append(index)
    }
}
