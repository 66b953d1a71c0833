/// The method names of the calls that are open on one connection, each kept once: a client calls few methods very often.
struct MethodNames {
    private struct Entry {
        var bytes: [UInt8]
        /// -1: the place is free.
        var uses: Int

        func isNamed(_ name: UnsafeRawBufferPointer) -> Bool {
            uses >= 0 && bytes.count == name.count && bytes.withUnsafeBytes { $0.elementsEqual(name) }
        }
    }

    /// Names that are looked through, and kept when nothing uses them.
    private static let kept = 16

    private var entries: [Entry] = []
    private var free: [Int] = []
    private var last = 0

    /// The number of a name, in use once more.
    mutating func use(_ name: UnsafeRawBufferPointer) -> Int {
        if last < entries.count, entries[last].isNamed(name) {
            entries[last].uses += 1
            return last
        }
        for index in entries.indices.prefix(MethodNames.kept) where entries[index].isNamed(name) {
            entries[index].uses += 1
            last = index
            return index
        }
        last = add(name)
        return last
    }

    private mutating func add(_ name: UnsafeRawBufferPointer) -> Int {
        let entry = Entry(bytes: Array(name), uses: 1)
        let idle = entries.indices.prefix(MethodNames.kept).first { entries[$0].uses == 0 }
        if entries.count >= MethodNames.kept, let index = free.popLast() ?? idle {
            entries[index] = entry
            return index
        }
        entries.append(entry)
        return entries.count - 1
    }

    /// One use less. Names beyond those that are kept go when their last use ends.
    mutating func release(_ number: Int) {
        entries[number].uses -= 1
        guard entries[number].uses == 0, number >= MethodNames.kept else { return }
        entries[number] = Entry(bytes: [], uses: -1)
        free.append(number)
    }

    func withBytes<T>(_ number: Int, _ body: (UnsafeRawBufferPointer) -> T) -> T { entries[number].bytes.withUnsafeBytes(body) }
}
