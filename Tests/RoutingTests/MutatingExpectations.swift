import Testing

/// `#require` for what a mutating method returns.
func need<T>(_ value: T?) throws -> T { try #require(value) }
/// `#expect` for what a mutating method returns.
func expect(_ value: Bool, _ comment: Comment? = nil, at place: SourceLocation = #_sourceLocation) { #expect(value, comment, sourceLocation: place) }
