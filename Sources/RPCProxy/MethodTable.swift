import Routing

/// Which routes a method's calls go to: `service:method` before `method` before `*` (config, `rpcProxy.routes`). Pure.
///
/// Names are looked up as the bytes that came, without making a string of them. Immutable, and a class: who looks up retains one object and not every
/// array in it.
final class MethodTable: Sendable {
    /// What is known about one name.
    struct Entry: Equatable {
        /// Routes that share its calls, each with the sum of the weights up to its own.
        var routes: [(route: Int, upTo: Int)]

        static func == (lhs: Entry, rhs: Entry) -> Bool {
            lhs.routes.elementsEqual(rhs.routes) { $0.route == $1.route && $0.upTo == $1.upTo }
        }
    }

    private let slots: [(name: [UInt8], entry: Int)?]
    private let entries: [Entry]
    /// For each entry its route, where that shares its calls with no other: the usual case, for which nothing of the entry is retained.
    private let alone: [Int?]
    private let fallback: Int?

    /// - Parameters:
    ///   - routes: their methods and weights.
    ///   - places: what each route is called in answers; without them, by its place in `routes`.
    init(_ routes: [(methods: [String], weight: Int)], places: [Int]? = nil) {
        var byName: [String: Int] = [:]
        var entries: [Entry] = []
        for (index, route) in routes.enumerated() {
            for method in route.methods {
                let entry = byName[method] ?? entries.count
                if entry == entries.count {
                    byName[method] = entry
                    entries.append(Entry(routes: []))
                }
                let before = entries[entry].routes.last?.upTo ?? 0
                entries[entry].routes.append((places?[index] ?? index, before + route.weight))
            }
        }
        self.entries = entries
        alone = entries.map { $0.routes.count == 1 ? $0.routes[0].route : nil }
        fallback = byName.removeValue(forKey: "*")
        var size = 4
        while size < 2 * byName.count { size *= 2 }
        var slots = [(name: [UInt8], entry: Int)?](repeating: nil, count: size)
        for (name, entry) in byName {
            var slot = MethodTable.hash(Array(name.utf8)[...]) & (size - 1)
            while slots[slot] != nil { slot = (slot + 1) & (size - 1) }
            slots[slot] = (Array(name.utf8), entry)
        }
        self.slots = slots
    }

    /// The route of one call of that method; nil when no route names it.
    /// - Parameter draw: any number, evenly distributed: routes with equal methods share by weight.
    func route(of name: UnsafeRawBufferPointer, draw: @autoclosure () -> UInt64) -> Int? {
        guard let number = entry(of: name) else { return nil }
        if let route = alone[number] { return route }
        let routes = entries[number].routes
        guard let total = routes.last?.upTo else { return nil }
        let point = Balancer.scale(draw(), to: total)
        return routes.first { point < $0.upTo }?.route
    }

    /// Whether a name, or `*`, stands in it.
    func contains(_ name: UnsafeRawBufferPointer) -> Bool { entry(of: name) != nil }

    private func entry(of name: UnsafeRawBufferPointer) -> Int? {
        if slots.count > 0, entries.count > (fallback == nil ? 0 : 1) {
            if let whole = find(name[...]) { return whole }
            if let colon = name.lastIndex(of: UInt8(ascii: ":")), let method = find(name[(colon + 1)...]) { return method }
        }
        return fallback
    }

    private func find(_ name: Slice<UnsafeRawBufferPointer>) -> Int? {
        var slot = MethodTable.hash(name) & (slots.count - 1)
        while let known = slots[slot] {
            if known.name.count == name.count, known.name.elementsEqual(name) { return known.entry }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    /// FNV-1a. The names in the table are the operator's, so no client can make them collide.
    @inline(__always)
    private static func hash(_ bytes: some Sequence<UInt8>) -> Int {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return Int(truncatingIfNeeded: hash ^ hash >> 32)
    }
}
