/// A typed line as what it asks of the chat.
///
/// | line              | asks                       |
/// |-------------------|----------------------------|
/// | `/join ROOM`      | to go to a room            |
/// | `/leave`          | to go back to the lobby    |
/// | `/list`           | who is where               |
/// | `/msg NAME TEXT`  | to tell one person         |
/// | `/quit`           | to end                     |
/// | anything else     | to say it to the room      |
package enum ChatInput: Equatable, Sendable {
    case send(ChatType, String)
    case quit
    case nothing
    /// A command that there is not, with what there is.
    case mistake(String)

    package init(_ line: String) {
        guard line.hasPrefix("/") else {
            self = line.allSatisfy(\.isWhitespace) ? .nothing : .send(.say, line)
            return
        }
        let words = line.dropFirst().split(separator: " ", maxSplits: 1)
        let rest = words.count > 1 ? String(words[1]) : ""
        switch words.first {
        case "join": self = .send(.join, rest)
        case "leave": self = .send(.leave, "")
        case "list": self = .send(.list, "")
        case "msg": self = .send(.whisper, rest)
        case "quit": self = .quit
        default: self = .mistake("there is no \(line); there are /join ROOM, /leave, /list, /msg NAME TEXT, /quit")
        }
    }
}
