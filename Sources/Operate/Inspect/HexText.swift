/// Bytes as people type and read them.
package enum HexText {
    /// Why text is not bytes, as one clear line.
    package struct Fault: Error, Hashable, CustomStringConvertible {
        package let description: String
    }

    /// Reads pairs of hex digits; white space may stand anywhere, and `0x` in front.
    package static func bytes(_ text: some StringProtocol) throws(Fault) -> [UInt8] {
        var digits = text.drop(while: \.isWhitespace)
        if digits.hasPrefix("0x") || digits.hasPrefix("0X") { digits = digits.dropFirst(2) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.utf8.count / 2)
        var high: UInt8?
        for (offset, character) in digits.enumerated() where !character.isWhitespace {
            guard character.isASCII, let value = character.hexDigitValue else {
                throw Fault(description: "'\(character)' (character \(offset + 1)) is not a hex digit")
            }
            if let first = high {
                bytes.append(first << 4 | UInt8(value))
                high = nil
            } else {
                high = UInt8(value)
            }
        }
        guard high == nil else { throw Fault(description: "an odd number of hex digits: the last byte is half a byte") }
        return bytes
    }

    /// Two lower-case digits for each byte, nothing between.
    package static func text(_ bytes: some Sequence<UInt8>) -> String {
        var text = ""
        for byte in bytes {
            text.append(digit(byte >> 4))
            text.append(digit(byte & 15))
        }
        return text
    }

    private static func digit(_ value: UInt8) -> Character {
        Character(UnicodeScalar(value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10))
    }
}
