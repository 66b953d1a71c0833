/// A YAML document as a tree whose every part knows where it was written.
struct Value {
    enum Content {
        /// Nothing at all, or `null`.
        case absent
        case scalar(Scalar)
        case list([Value])
        case section([Entry])
    }

    struct Scalar {
        var text: String
        /// Written without quotes, so that it may stand for a number or a truth value.
        var isPlain: Bool

        var isNull: Bool { isPlain && ["", "~", "null", "Null", "NULL"].contains(text) }
    }

    struct Entry {
        var key: String
        /// Of the key.
        var place: Place
        var value: Value
    }

    var content: Content
    var place: Place

    static func section(_ entries: [Entry] = [], at place: Place) -> Value { Value(content: .section(entries), place: place) }

    /// What it is, for "needs a number, not a list".
    var kind: String {
        switch content {
        case .absent: "nothing"
        case .scalar: "a single value"
        case .list: "a list"
        case .section: "a section"
        }
    }
}
