/// Where a value was written; errors are told there, and in this order: the file from top to bottom, then overrides as given.
enum Place: Hashable, Comparable {
    /// Both count from 1.
    case file(line: Int, column: Int)
    /// The n-th `--set`, and its dotted path.
    case override(number: Int, path: String)

    static func < (left: Place, right: Place) -> Bool {
        switch (left, right) {
        case (.file(let line, let column), .file(let otherLine, let otherColumn)): (line, column) < (otherLine, otherColumn)
        case (.file, .override): true
        case (.override, .file): false
        case (.override(let number, _), .override(let other, _)): number < other
        }
    }
}
