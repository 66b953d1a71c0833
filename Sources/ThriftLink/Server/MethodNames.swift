/// The method names of the calls that are open on one connection, each kept once: a client calls few methods very often.
///
/// Owns the memory of its names; that of an array would be retained by whoever looks at one.
struct MethodNames: ~Copyable {
    private struct Entry {
        var bytes: UnsafeMutableRawBufferPointer
        /// -1: the place is free.
        var uses = 1

        init(_ name: UnsafeRawBufferPointer) {
            bytes = .allocate(byteCount: name.count, alignment: 1)
            bytes.copyMemory(from: name)
        }

        func isNamed(_ name: UnsafeRawBufferPointer) -> Bool {
            uses >= 0 && bytes.count == name.count && bytes.elementsEqual(name)
        }
    }

    /// Names that are looked through, and kept when nothing uses them.
    private static let kept = 16

    private var entries: [Entry] = []
    private var free: [Int] = []
    private var last = 0

    deinit {
        for entry in entries where entry.uses >= 0 { entry.bytes.deallocate() }
    }

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
        let idle = entries.indices.prefix(MethodNames.kept).first { entries[$0].uses == 0 }
        if entries.count >= MethodNames.kept, let index = free.popLast() ?? idle {
            if entries[index].uses >= 0 { entries[index].bytes.deallocate() }
            entries[index] = Entry(name)
            return index
        }
        entries.append(Entry(name))
        return entries.count - 1
    }

    /// One use less. Names beyond those that are kept go when their last use ends.
    mutating func release(_ number: Int) {
        entries[number].uses -= 1
        guard entries[number].uses == 0, number >= MethodNames.kept else { return }
        entries[number].bytes.deallocate()
        entries[number].uses = -1
        free.append(number)
    }

    /// The name of a number that is in use; valid until it is released.
    func bytes(_ number: Int) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(entries[number].bytes) }
}
