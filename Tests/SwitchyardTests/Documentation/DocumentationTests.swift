import Foundation
import Testing

/// What the documentation shows is what the compiler has seen.
@Suite("Documentation")
struct DocumentationTests {
    @Test("The tutorial's blocks, put together, are the program that the tests run", arguments: ["Rooms.swift", "Chat.swift"])
    func tutorial(file: String) throws {
        let article = try Article("Sources/Switchyard/Switchyard.docc/BuildingAChatService.md")
        #expect(article.files["Sources/my-chat/\(file)"] == (try Article.text(of: "Examples/Tutorial/\(file)")))
        #expect(Set(article.files.keys) == ["Package.swift", "Sources/my-chat/Rooms.swift", "Sources/my-chat/Chat.swift"])
    }

    @Test(
        "Every piece of Swift in the guide is part of a program that is compiled",
        arguments: ["docs/library.md", "Sources/Switchyard/Switchyard.docc/Switchyard.md"])
    func guide(path: String) throws {
        let sources = ["Examples/Echo/Echo.swift", "Examples/Service/CapitalsService.swift", "Tests/SwitchyardTests/Documentation/Snippets.swift"]
        let programs = try sources.map { lines(try Article.text(of: $0)) }
        let blocks = try Article(path).blocks
        #expect(!blocks.isEmpty)
        for (_, code) in blocks {
            #expect(programs.contains { $0.contains(lines(code)) }, "nowhere compiled:\n\(code)")
        }
    }

    /// Without indentation, which differs where a piece stands inside something.
    private func lines(_ code: String) -> String {
        code.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: "\n")
    }
}
