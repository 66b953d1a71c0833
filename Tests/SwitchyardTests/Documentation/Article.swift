import Foundation

/// A text of the documentation, with the Swift code in it.
struct Article {
    /// Every block of Swift, with the last file that was named before it.
    private(set) var blocks: [(file: String, code: String)] = []

    /// - Parameter path: in the package.
    init(_ path: String) throws {
        var file = ""
        var block: [Substring]?
        for line in try Article.text(of: path).split(separator: "\n", omittingEmptySubsequences: false) {
            if let code = block {
                if line == "```" {
                    blocks.append((file, code.joined(separator: "\n") + "\n"))
                    block = nil
                } else {
                    block = code + [line]
                }
            } else if line == "```swift" {
                block = []
            } else {
                for name in line.split(separator: "`") where name.hasSuffix(".swift") { file = String(name) }
            }
        }
    }

    /// What a reader has who appends each block to its file, behind an empty line.
    var files: [String: String] {
        blocks.reduce(into: [:]) { files, block in files[block.file] = files[block.file].map { $0 + "\n" + block.code } ?? block.code }
    }

    /// A file of the package that these tests are part of.
    static func text(of path: String) throws -> String { try String(contentsOf: folder.appendingPathComponent(path), encoding: .utf8) }

    static var folder: URL {
        var folder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        while folder.lastPathComponent != "Tests", folder.path != "/" { folder.deleteLastPathComponent() }
        return folder.deletingLastPathComponent()
    }
}
