import Testing

@testable import Chat

@Suite("Chat: typed lines")
struct ChatInputTests {
    @Test(
        "A line is what it asks",
        arguments: [
            ("hello all", .send(.say, "hello all")), ("/join the garden", .send(.join, "the garden")), ("/leave", .send(.leave, "")),
            ("/list", .send(.list, "")), ("/msg bob see you /later", .send(.whisper, "bob see you /later")), ("/quit", .quit), ("  ", .nothing),
            ("", .nothing),
            ("/dance", .mistake("there is no /dance; there are /join ROOM, /leave, /list, /msg NAME TEXT, /quit")),
        ] as [(String, ChatInput)])
    func lines(_ line: String, _ expected: ChatInput) {
        #expect(ChatInput(line) == expected)
    }
}
