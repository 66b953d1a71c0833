import Foundation
import Links

extension SecretSource {
    /// The path of a file that is only read by others; a relative one starts from the configuration's folder.
    var path: Grammar<String> {
        Grammar(expected: "a path") { scalar throws(Misfit) in
            guard !scalar.text.isEmpty else { throw Misfit("is empty; it needs the path of a PEM file") }
            let base = URL(fileURLWithPath: folder.isEmpty ? "." : folder, isDirectory: true)
            return URL(fileURLWithPath: scalar.text, relativeTo: base).standardizedFileURL.path
        }
    }
}

extension Grammar where T == AddressRange {
    static var addressRange: Grammar {
        Grammar(expected: "an address range") { scalar throws(Misfit) in
            do throws(AddressRange.Malformed) {
                return try AddressRange(scalar.text)
            } catch {
                throw Misfit("\(scalar.text.quoted) \(error.message)")
            }
        }
    }
}
