/// Finds a call by the number that its caller gave it: for CANCEL, and to notice a number that is used twice.
///
/// Open addressing with removal that leaves no marks, so that in steady state nothing is allocated and nothing decays. A random seed keeps a
/// caller from choosing numbers that collide.
public struct NumberIndex<Value> {
    @usableFromInline struct Entry {
        @usableFromInline var key: UInt64
        @usableFromInline var value: Value

        @inlinable
        init(_ key: UInt64, _ value: Value) {
            self.key = key
            self.value = value
        }
    }

    @usableFromInline var entries: ContiguousArray<Entry?> = []
    @usableFromInline let seed: UInt64
    @usableFromInline var held = 0

    @inlinable
    public init(seed: UInt64 = .random(in: 0 ... .max)) { self.seed = seed }

    @inlinable public var count: Int { held }
    @inlinable public var isEmpty: Bool { held == 0 }

    @inlinable
    public subscript(key: UInt64) -> Value? {
        position(of: key).flatMap { entries[$0]?.value }
    }

    /// Notes `value` under `key`; false, and nothing is changed, when the key is there already.
    @inlinable
    public mutating func insert(_ key: UInt64, _ value: Value) -> Bool {
        if (held + 1) * 4 > entries.count * 3 { grow() }
        var at = home(of: key)
        while let entry = entries[at] {
            if entry.key == key { return false }
            at = (at + 1) & (entries.count - 1)
        }
        entries[at] = Entry(key, value)
        held += 1
        return true
    }

    /// Replaces the value of a key that is there.
    @inlinable
    public mutating func update(_ key: UInt64, _ value: Value) {
        if let at = position(of: key) { entries[at]?.value = value }
    }

    @discardableResult
    @inlinable
    public mutating func remove(_ key: UInt64) -> Value? {
        guard var hole = position(of: key) else { return nil }
        let value = entries[hole]?.value
        let mask = entries.count - 1
        var at = (hole + 1) & mask
        // Whatever stands behind the hole and may stand in it moves up.
        while let entry = entries[at] {
            if (at - home(of: entry.key)) & mask >= (at - hole) & mask {
                entries[hole] = entry
                hole = at
            }
            at = (at + 1) & mask
        }
        entries[hole] = nil
        held -= 1
        return value
    }

    /// Every value, in no order that means anything.
    @inlinable public var values: [Value] { entries.compactMap { $0?.value } }

    @inlinable func home(of key: UInt64) -> Int { Int(truncatingIfNeeded: Choice.mix(key ^ seed)) & (entries.count - 1) }

    @inlinable
    func position(of key: UInt64) -> Int? {
        guard held > 0 else { return nil }
        var at = home(of: key)
        while let entry = entries[at] {
            if entry.key == key { return at }
            at = (at + 1) & (entries.count - 1)
        }
        return nil
    }

    @inlinable
    mutating func grow() {
        let old = entries
        entries = ContiguousArray(repeating: nil, count: max(8, old.count * 2))
        held = 0
        for case let entry? in old { _ = insert(entry.key, entry.value) }
    }
}
