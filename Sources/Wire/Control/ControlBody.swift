public import NIOCore

/// The body of one control packet, as a value.
///
/// `init(body:format:)` takes the body's bytes alone; bytes after the last known field are ignored (protocol, introduction).
/// `format` concerns only packet headers embedded in the body.
public protocol ControlBody: Sendable, Hashable {
    /// The `Pack_type` that carries this body.
    static var controlType: ControlType { get }
    /// Reads the body, or says what is wrong with it.
    init(body: ByteBuffer, format: WireFormat) throws(WireError)
    /// Appends the body's bytes.
    func write(to buffer: inout ByteBuffer, format: WireFormat)
}

/// Why bytes are not what they claim to be. ``description`` is one clear line.
public struct WireError: Error, Hashable, CustomStringConvertible {
    /// The code that the protocol gives this fault.
    public var code: Code
    public var description: String

    /// An error with that code; `message` is one line.
    public init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }

    static func short(_ what: String) -> WireError { WireError(.badRequest, "\(what): the body ends early") }
}

extension ByteBuffer {
    /// Reads an integer or throws; big-endian.
    mutating func take<T: FixedWidthInteger>(_ what: String) throws(WireError) -> T {
        guard let value = readInteger(as: T.self) else { throw .short(what) }
        return value
    }

    /// Reads that many bytes as text (invalid UTF-8 is repaired) or throws.
    mutating func takeText(_ count: Int, _ what: String) throws(WireError) -> String {
        guard let text = readString(length: count) else { throw .short(what) }
        return text
    }

    /// Appends the longest prefix of `text` that fits `limit` bytes without cutting a character.
    mutating func writeText(_ text: String, limit: Int) { writeSubstring(text.prefix(bytes: limit)) }
}

extension String {
    /// The longest prefix that fits `limit` bytes of UTF-8 without cutting a character.
    func prefix(bytes limit: Int) -> Substring {
        if utf8.count <= limit { return self[...] }
        var end = utf8.index(startIndex, offsetBy: limit)
        while String.Index(end, within: self) == nil { end = utf8.index(before: end) }
        return self[..<end]
    }
}
