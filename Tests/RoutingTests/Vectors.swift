import Foundation

/// The golden results of `vectors/choice.json`. Numbers are decimal text, as they may exceed what JSON can hold.
struct Vectors: Decodable {
    struct Mix: Decodable { var x, y: String }
    struct Name: Decodable { var name, id: String }
    struct Choice: Decodable {
        var nodes: [String]
        var key: String
        var slot: Int
        var owner: String
    }
    struct Owned: Decodable {
        var nodes: [String]
        var slotsPerNode: [String: Int]
    }

    var mix: [Mix]
    var fnv1a: [Name]
    var choice: [Choice]
    var owned: [Owned]

    static let all: Vectors = {
        guard let url = Bundle.module.url(forResource: "choice", withExtension: "json", subdirectory: "vectors") else {
            preconditionFailure("choice.json is not among the test's resources")
        }
        do {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            return try decoder.decode(Vectors.self, from: Data(contentsOf: url))
        } catch {
            preconditionFailure("choice.json: \(error)")
        }
    }()
}
