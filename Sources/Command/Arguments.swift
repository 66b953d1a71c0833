public import ArgumentParser
public import Links
public import Wire

extension Endpoint: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
    public var defaultValueDescription: String { description }
}

/// An application packet type: 0 ... 0xFEFF, in decimal or with `0x`. What lies above is for control packets.
struct PacketType: ExpressibleByArgument {
    let value: UInt16

    init(_ value: UInt16) { self.value = value }

    init?(argument: String) {
        let isHex = argument.lowercased().hasPrefix("0x")
        guard let value = isHex ? UInt16(argument.dropFirst(2), radix: 16) : UInt16(argument) else { return nil }
        guard value < PacketHeader.firstControlType else { return nil }
        self.value = value
    }

    var defaultValueDescription: String { "\(value)" }
}

/// A time as the configuration writes it: `250ms`, `2s`, `1m`. Not zero.
struct Wait: ExpressibleByArgument {
    let duration: Duration
    /// As it was typed, for messages.
    let text: String

    static let standard = Wait(duration: .seconds(2), text: "2s")
    static let call = Wait(duration: .seconds(5), text: "5s")

    private init(duration: Duration, text: String) {
        self.duration = duration
        self.text = text
    }

    init?(argument: String) {
        let digits = argument.prefix { $0.isASCII && $0.isNumber }
        // A day is more than anybody waits, and far from any overflow.
        guard let count = Int64(digits), count > 0, count <= 86_400_000 else { return nil }
        switch argument.dropFirst(digits.count) {
        case "ms": duration = .milliseconds(count)
        case "s": duration = .seconds(count)
        case "m": duration = .seconds(count * 60)
        default: return nil
        }
        text = argument
    }

    var defaultValueDescription: String { text }
}

extension WireFormat.ByteOrder: ExpressibleByArgument {}
extension WireFormat.Length: ExpressibleByArgument {}
