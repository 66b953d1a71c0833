import Links

/// How a single value is written: what to say when there is none, and how to read one.
struct Grammar<T> {
    /// "an address"; completes "needs ...".
    let expected: String
    let parse: (Value.Scalar) throws(Misfit) -> T
}

/// Why a value does not fit, in words that name it and say what to do.
struct Misfit: Error {
    var message: String
    init(_ message: String) { self.message = message }
}

extension Grammar {
    /// The same, or the word `unlimited`, which reads as nil.
    var orUnlimited: Grammar<T?> {
        Grammar<T?>(expected: "\(expected) or `unlimited`") { scalar throws(Misfit) -> T? in
            if scalar.text == "unlimited" { return nil }
            do throws(Misfit) {
                return try parse(scalar)
            } catch {
                throw Misfit("\(error.message), or `unlimited`")
            }
        }
    }
}

extension Grammar where T == Bool {
    static var flag: Grammar {
        Grammar(expected: "true or false") { scalar throws(Misfit) in
            guard scalar.isPlain, ["true", "false"].contains(scalar.text) else { throw Misfit("\(scalar.text.quoted) is neither true nor false") }
            return scalar.text == "true"
        }
    }
}

extension Grammar where T == String {
    /// Text shown to people and peers, in one line.
    static func label(maxBytes: Int) -> Grammar {
        Grammar(expected: "a name") { scalar throws(Misfit) in
            let hasControl = scalar.text.unicodeScalars.contains { $0.properties.generalCategory == .control }
            guard !hasControl, 1...maxBytes ~= scalar.text.utf8.count else {
                throw Misfit("\(scalar.text.quoted) is not a name; use 1 to \(maxBytes) bytes without control characters")
            }
            return scalar.text
        }
    }
}

extension Grammar where T: RawRepresentable & CaseIterable, T.RawValue == String {
    /// One of the words of an enumeration.
    static var word: Grammar {
        let words = T.allCases.map { $0.rawValue }.joined(separator: ", ")
        return Grammar(expected: "one of \(words)") { scalar throws(Misfit) in
            guard let value = T(rawValue: scalar.text) else { throw Misfit("\(scalar.text.quoted) is not one of \(words)") }
            return value
        }
    }
}

extension Grammar where T == Endpoint {
    /// An address to listen on; port 0 lets the system choose.
    static var listener: Grammar {
        Grammar(expected: "an address") { scalar throws(Misfit) in
            guard let endpoint = Endpoint(scalar.text), endpoint.isWellFormed else {
                throw Misfit("\(scalar.text.quoted) is not an address; use host:port, [v6]:port or unix:/path")
            }
            if case .unix(let path) = endpoint, path.utf8.count > Endpoint.maxPathBytes {
                throw Misfit("\(path.quoted) is too long for a socket; use at most \(Endpoint.maxPathBytes) bytes")
            }
            return endpoint
        }
    }

    /// An address to dial.
    static var peer: Grammar {
        Grammar(expected: "an address") { scalar throws(Misfit) in
            let endpoint = try Grammar.listener.parse(scalar)
            if case .host(_, port: 0) = endpoint { throw Misfit("\(scalar.text.quoted) has port 0, which cannot be dialed; use 1 to 65535") }
            return endpoint
        }
    }
}

extension Endpoint {
    /// What `sun_path` holds on Linux, less its terminating zero.
    fileprivate static let maxPathBytes = 107

    fileprivate var isWellFormed: Bool {
        switch self {
        case .unix: true
        case .host(let host, _): !host.contains { $0.isWhitespace || "/[]@,".contains($0) }
        }
    }
}
