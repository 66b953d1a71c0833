/// The routes that have carried a session, each of which hears of its end (rule S12). No storage of its own for the first 64 routes.
struct RouteSet {
    private var low: UInt64 = 0
    private var high: Set<Int> = []

    @inline(__always)
    mutating func insert(_ route: Int) {
        if route < 64 { low |= 1 << UInt64(route) } else { high.insert(route) }
    }

    func contains(_ route: Int) -> Bool { route < 64 ? low & (1 << UInt64(route)) != 0 : high.contains(route) }

    var all: [Int] { (0..<64).filter { low & (1 << UInt64($0)) != 0 } + high.sorted() }
}
