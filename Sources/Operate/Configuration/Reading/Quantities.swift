import NIOCore

/// How numbers, sizes and durations are written, both ways.
enum Quantity {
    static let kibibyte = 1 << 10
    static let mebibyte = 1 << 20
    static let gibibyte = 1 << 30

    /// Largest first; what is written is the first that tells a value exactly.
    static let sizeUnits = [("GiB", gibibyte), ("MiB", mebibyte), ("KiB", kibibyte), ("", 1)]
    /// In nanoseconds.
    static let durationUnits = [("m", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000)]

    /// `64KiB`, `1000`.
    static func text(size: Int) -> String { text(size, units: sizeUnits) }

    /// `2m`, `90s`, `250ms`; what is finer than a millisecond is cut off, for no unit tells it.
    static func text(duration: TimeAmount) -> String { text(Int(duration.nanoseconds / 1_000_000) * 1_000_000, units: durationUnits) }

    private static func text(_ value: Int, units: [(String, Int)]) -> String {
        let (name, factor) = units.first { value.isMultiple(of: $0.1) } ?? ("", 1)
        return "\(value / factor)\(name)"
    }

    /// `10s` by its units; nil for anything else, and for what no Int holds.
    static func parse(_ text: String, units: [(String, Int)]) -> Int? {
        for (name, factor) in units where text.hasSuffix(name) {
            guard let number = decimal(text.dropLast(name.count)) else { continue }  // `250ms` ends in `s` too.
            let (product, overflow) = number.multipliedReportingOverflow(by: factor)
            return overflow ? nil : product
        }
        return nil
    }

    static func decimal(_ text: some StringProtocol) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) else { return nil }
        return Int(text)
    }

    /// A value must lie in its range. 0 gets words of its own where it could be taken for "no limit" (rule S16).
    static func check<Number: Comparable>(
        _ value: Number, in range: ClosedRange<Number>, zero: Number, ambiguous: Bool, written: String, text: (Number) -> String
    ) throws(Misfit) {
        if range.contains(value) { return }
        let reason = value == zero && ambiguous ? "could mean none or unlimited" : "is out of range"
        throw Misfit("\(written) \(reason); use \(text(range.lowerBound)) to \(text(range.upperBound))")
    }
}

extension Grammar where T == Int {
    /// A whole number, decimal or 0x; `ambiguousZero` where 0 could be taken for "no limit".
    static func number(in range: ClosedRange<Int>, ambiguousZero: Bool = false) -> Grammar {
        Grammar(expected: "a number") { scalar throws(Misfit) in
            let text = scalar.text
            let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
            let magnitude = digits.hasPrefix("0x") ? Int(digits.dropFirst(2), radix: 16) : Quantity.decimal(digits)
            if text == "unlimited" { throw Misfit("cannot be unlimited; use \(range.lowerBound) to \(range.upperBound)") }
            guard scalar.isPlain, let magnitude, magnitude >= 0 else {
                throw Misfit("\(text.quoted) is not a number; use \(range.lowerBound) to \(range.upperBound)")
            }
            let value = digits.count == text.count ? magnitude : -magnitude
            try Quantity.check(value, in: range, zero: 0, ambiguous: ambiguousZero, written: text) { "\($0)" }
            return value
        }
    }

    /// A number of things that is limited: 0 could be taken for "no limit".
    static var count: Grammar { .number(in: 1...1_000_000_000, ambiguousZero: true) }

    /// Bytes.
    static func size(in range: ClosedRange<Int> = 1...1024 * Quantity.gibibyte) -> Grammar {
        Grammar(expected: "a size") { scalar throws(Misfit) in
            let bounds = "\(Quantity.text(size: range.lowerBound)) to \(Quantity.text(size: range.upperBound))"
            if scalar.text == "unlimited" { throw Misfit("cannot be unlimited; use \(bounds)") }
            guard scalar.isPlain, let value = Quantity.parse(scalar.text, units: Quantity.sizeUnits) else {
                throw Misfit("\(scalar.text.quoted) is not a size; use bytes or KiB, MiB, GiB, as in 64KiB")
            }
            try Quantity.check(value, in: range, zero: 0, ambiguous: true, written: scalar.text) { Quantity.text(size: $0) }
            return value
        }
    }
}

extension Grammar where T == TimeAmount {
    /// `250ms`, `10s`, `2m`.
    static func duration(in range: ClosedRange<TimeAmount> = .milliseconds(1) ... .hours(24)) -> Grammar {
        Grammar(expected: "a duration") { scalar throws(Misfit) in
            let bounds = "\(Quantity.text(duration: range.lowerBound)) to \(Quantity.text(duration: range.upperBound))"
            if scalar.text == "unlimited" { throw Misfit("cannot be unlimited; use \(bounds)") }
            // A bare 0 lacks a unit, but what is wrong with it is that it is 0.
            let nanoseconds = scalar.text == "0" ? 0 : Quantity.parse(scalar.text, units: Quantity.durationUnits)
            guard scalar.isPlain, let nanoseconds else {
                throw Misfit("\(scalar.text.quoted) is not a duration; use ms, s or m, as in 250ms, 10s, 2m")
            }
            let value = TimeAmount.nanoseconds(Int64(nanoseconds))
            try Quantity.check(value, in: range, zero: .zero, ambiguous: true, written: scalar.text) { Quantity.text(duration: $0) }
            return value
        }
    }
}
