/// How `top` writes: columns, colours, short numbers.
struct Pen {
    let color: Bool

    func bold(_ text: String) -> String { color ? "\u{1B}[1m\(text)\u{1B}[0m" : text }
    private func dim(_ text: String) -> String { color ? "\u{1B}[2m\(text)\u{1B}[0m" : text }

    /// Green, yellow or red by what the state means.
    func health(_ state: String) -> String {
        guard color else { return state }
        let code =
            switch state {
            case "up", "serving": 32
            case "down", "ejected", "stopped": 31
            default: 33
            }
        return "\u{1B}[\(code)m\(state)\u{1B}[0m"
    }

    /// Titles and rows in columns; nothing when there is no row.
    func table(_ titles: [String], _ rows: [[String]], right: ClosedRange<Int>, health: Int? = nil) -> [String] {
        guard !rows.isEmpty else { return [] }
        let widths = titles.indices.map { column in max(titles[column].count, rows.map { $0[column].count }.max() ?? 0) }
        func line(_ cells: [String], _ paint: (Int, String) -> String) -> String {
            cells.indices.map { column in
                let room = String(repeating: " ", count: widths[column] - cells[column].count)
                let cell = paint(column, cells[column])
                return right.contains(column) ? room + cell : cell + room
            }.joined(separator: "  ")
        }
        return [dim(line(titles) { $1 })] + rows.map { line($0) { column, text in column == health ? self.health(text) : text } }
    }

    /// The first `width` characters that are seen; escapes take no room.
    static func cut(_ line: String, to width: Int) -> String {
        var seen = 0
        var isEscape = false
        var cut = ""
        for character in line {
            if character == "\u{1B}" { isEscape = true }
            if !isEscape {
                seen += 1
                if seen > width { continue }
            }
            cut.append(character)
            if isEscape, character.isLetter { isEscape = false }
        }
        return cut
    }

    static func number(_ value: Double) -> String {
        switch value {
        case 1e6...: "\(tenths(value / 1e6))M"
        case 1e4...: "\(tenths(value / 1e3))k"
        case 10...: "\(Int(value.rounded()))"
        case 0: "0"
        default: tenths(value)
        }
    }

    static func bytes(_ count: Int) -> String {
        switch count {
        case (1 << 30)...: "\(tenths(Double(count) / Double(1 << 30)))GiB"
        case (1 << 20)...: "\(tenths(Double(count) / Double(1 << 20)))MiB"
        case (1 << 10)...: "\(tenths(Double(count) / Double(1 << 10)))KiB"
        default: "\(count)"
        }
    }

    static func span(_ seconds: Int) -> String {
        switch seconds {
        case 86400...: "\(seconds / 86400)d \(seconds % 86400 / 3600)h"
        case 3600...: "\(seconds / 3600)h \(seconds % 3600 / 60)m"
        case 60...: "\(seconds / 60)m \(seconds % 60)s"
        default: "\(seconds)s"
        }
    }

    private static func tenths(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
}
