/// A token, and where it was read from. Printing one, in any way, shows three stars.
public struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The secret itself; never log it.
    public let value: String
    /// `env:NAME` or `file:PATH`.
    public let source: String

    public init(value: String, source: String) {
        self.value = value
        self.source = source
    }

    public static let mask = "***"
    public var description: String { Secret.mask }
    public var debugDescription: String { Secret.mask }
    public var customMirror: Mirror { Mirror(self, children: ["source": source]) }
}
