/// How the numbers of a ``Slab`` are made: a slot in the low bits, above it how often the slot has been used.
public struct SlotNumbers: Sendable, Hashable {
    /// Bits of the slot; a slab holds at most 2 to that power.
    public let slotBits: Int
    /// Bits of the generation; it wraps, and is never 0, so no number is 0.
    public let generationBits: Int

    /// - Precondition: 1 ... 31 bits for the slot, at least 1 for the generation, 64 together at most.
    public init(slotBits: Int, generationBits: Int) {
        precondition((1...31).contains(slotBits) && generationBits >= 1 && slotBits + generationBits <= 64)
        self.slotBits = slotBits
        self.generationBits = generationBits
    }

    /// Numbers for a field of 32 bits: 65,536 slots.
    public static let narrow = SlotNumbers(slotBits: 16, generationBits: 16)
    /// Numbers of 56 bits, which leave 8 to their user: 16,777,216 slots.
    public static let wide = SlotNumbers(slotBits: 24, generationBits: 32)

    @inlinable var slots: Int { 1 << slotBits }
    @inlinable func slot(of number: UInt64) -> Int { Int(number & (1 << UInt64(slotBits) - 1)) }
    @inlinable func generation(of number: UInt64) -> UInt64 { number >> UInt64(slotBits) }
    @inlinable func number(slot: Int, generation: UInt64) -> UInt64 { generation << UInt64(slotBits) | UInt64(slot) }

    @inlinable
    func generation(after generation: UInt64) -> UInt64 {
        let next = (generation &+ 1) & (generationBits == 64 ? .max : 1 << UInt64(generationBits) - 1)
        return next == 0 ? 1 : next
    }
}

/// Values that are found by a number, which is given out when a value goes in: one array read and a comparison, nothing is hashed.
///
/// A number is not given out again until its slot has been used as often as its generation can count. Grows to the most that was ever
/// held at once and allocates nothing after that.
public struct Slab<Element> {
    @usableFromInline struct Entry {
        @usableFromInline var element: Element?
        @usableFromInline var generation: UInt64
        /// The next free slot while this one is free; -1 ends the list.
        @usableFromInline var nextFree: Int32

        @inlinable
        init(_ element: Element) {
            self.element = element
            generation = 1
            nextFree = -1
        }
    }

    public let numbers: SlotNumbers
    /// The most values held at once.
    public let limit: Int
    public var count: Int { @inlinable get { held } }
    @usableFromInline var held = 0
    @usableFromInline var entries: ContiguousArray<Entry> = []
    @usableFromInline var firstFree: Int32 = -1

    /// - Parameter limit: at most what the slot's bits can count, which is the default.
    @inlinable
    public init(_ numbers: SlotNumbers, limit: Int = .max) {
        self.numbers = numbers
        self.limit = min(limit, numbers.slots)
    }

    @inlinable public var isEmpty: Bool { held == 0 }

    /// Takes `element` in and returns its number; nil when the slab is full.
    @inlinable
    public mutating func insert(_ element: consuming Element) -> UInt64? {
        guard held < limit else { return nil }
        held += 1
        let slot = Int(firstFree)
        guard slot >= 0 else {
            entries.append(Entry(element))
            return numbers.number(slot: entries.count - 1, generation: 1)
        }
        firstFree = entries[slot].nextFree
        entries[slot].element = element
        return numbers.number(slot: slot, generation: entries[slot].generation)
    }

    /// The value of that number, which may be changed in place; nil when it is gone or never was.
    @inlinable
    public subscript(number: UInt64) -> Element? {
        get { slot(of: number).flatMap { entries[$0].element } }
        _modify {
            if let slot = slot(of: number) {
                // Guard: whoever sets nil here uses `remove` instead; the slot stays taken either way.
                yield &entries[slot].element
            } else {
                var absent: Element?
                yield &absent
            }
        }
    }

    /// Takes the value out; its number means nothing from now on.
    @inlinable
    public mutating func remove(_ number: UInt64) -> Element? {
        guard let slot = slot(of: number) else { return nil }
        let element = entries[slot].element.take()
        entries[slot].generation = numbers.generation(after: entries[slot].generation)
        entries[slot].nextFree = firstFree
        firstFree = Int32(slot)
        held -= 1
        return element
    }

    /// Takes every value out, the lowest slot first.
    @inlinable
    public mutating func removeAll(_ body: (UInt64, Element) -> Void) {
        for slot in entries.indices where entries[slot].element != nil {
            let number = numbers.number(slot: slot, generation: entries[slot].generation)
            if let element = remove(number) { body(number, element) }
        }
    }

    /// Every value with its number, the lowest slot first.
    @inlinable
    public func visit(_ body: (UInt64, Element) -> Void) {
        for slot in entries.indices {
            if let element = entries[slot].element { body(number(at: slot), element) }
        }
    }

    /// The slot of a number that is in use.
    @inlinable
    func slot(of number: UInt64) -> Int? {
        let slot = numbers.slot(of: number)
        guard slot < entries.count, entries[slot].element != nil, entries[slot].generation == numbers.generation(of: number) else { return nil }
        return slot
    }

    // MARK: - By slot, for structures that link values of a slab to each other

    /// The number that the value in `slot` has now.
    @inlinable func number(at slot: Int) -> UInt64 { numbers.number(slot: slot, generation: entries[slot].generation) }

    /// The value in a slot that is known to be taken.
    @inlinable
    mutating func update(at slot: Int, _ body: (inout Element) -> Void) {
        guard var element = entries[slot].element.take() else { return }
        body(&element)
        entries[slot].element = consume element
    }

    @inlinable func element(at slot: Int) -> Element? { entries[slot].element }
}
