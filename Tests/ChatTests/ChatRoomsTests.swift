import Chat
import Testing

@Suite("Chat: rooms")
struct ChatRoomsTests {
    private let ann = ChatRooms.Client(es: 1, session: 10)
    private let bob = ChatRooms.Client(es: 2, session: 20)
    private let cat = ChatRooms.Client(es: 1, session: 30)

    /// Ann and Bob, logged in.
    private func two() -> ChatRooms {
        var rooms = ChatRooms()
        _ = rooms.received(.logIn, "ann", from: ann)
        _ = rooms.received(.logIn, "bob", from: bob)
        return rooms
    }

    @Test("Logging in binds, greets, and tells those who are there")
    func logIn() {
        var rooms = ChatRooms()
        #expect(rooms.received(.logIn, "ann", from: ann) == [.bind(ann, name: "ann"), .reply(ann, .logIn, "welcome, ann")])
        #expect(
            rooms.received(.logIn, " bob the  builder ", from: bob) == [
                .bind(bob, name: "bob-the-builder"), .reply(bob, .logIn, "welcome, bob-the-builder"),
                .tell([ann], .presence, "bob-the-builder has come"),
            ])
        #expect(rooms.count == 2)
    }

    @Test("A name of nothing, or of too much, is refused", arguments: ["", " \n", String(repeating: "a", count: 41)])
    func noName(_ name: String) {
        var rooms = ChatRooms()
        #expect(rooms.received(.logIn, name, from: ann) == [.reply(ann, .logIn, "a name has 1 to 40 characters")])
        #expect(rooms.count == 0)
        #expect(!rooms.contains(ann))
    }

    @Test("Who has not logged in can do nothing else", arguments: [ChatType.say, .join, .leave, .list, .whisper])
    func stranger(_ type: ChatType) {
        var rooms = two()
        #expect(rooms.received(type, "ann hello", from: cat) == [.reply(cat, type, "log in first")])
    }

    @Test("What is said reaches everyone in the room, the speaker too, and no one in another")
    func say() {
        var rooms = two()
        #expect(rooms.received(.say, "hello", from: ann) == [.tell([ann, bob], .said, "ann: hello")])
        _ = rooms.received(.join, "garden", from: bob)
        #expect(rooms.received(.say, "alone", from: ann) == [.tell([ann], .said, "ann: alone")])
    }

    @Test("Going to another room tells both rooms and answers who is there; leaving leads to the lobby")
    func joinAndLeave() {
        var rooms = two()
        _ = rooms.received(.logIn, "cat", from: cat)
        #expect(
            rooms.received(.join, "garden", from: ann) == [.tell([cat, bob], .presence, "ann has left"), .reply(ann, .join, "garden: ann")])
        #expect(
            rooms.received(.join, "garden", from: bob) == [
                .tell([cat], .presence, "bob has left"), .tell([ann], .presence, "bob has come"), .reply(bob, .join, "garden: ann, bob"),
            ])
        #expect(rooms.received(.join, "garden", from: bob) == [.reply(bob, .join, "garden: ann, bob")], "already there")
        #expect(rooms.received(.list, "", from: cat) == [.reply(cat, .list, "garden: ann, bob\nlobby: cat")])
        #expect(
            rooms.received(.leave, "", from: ann) == [
                .tell([bob], .presence, "ann has left"), .tell([cat], .presence, "ann has come"), .reply(ann, .leave, "lobby: ann, cat"),
            ])
    }

    @Test("A word to one person is pushed to the user, on whatever gateway; an unknown name is answered")
    func whisper() {
        var rooms = two()
        #expect(rooms.received(.whisper, "bob meet me there", from: ann) == [.push(name: "bob", .whispered, "ann: meet me there")])
        #expect(rooms.received(.whisper, "zoe hello", from: ann) == [.reply(ann, .whisper, "zoe is not here")])
        #expect(rooms.received(.whisper, "bob", from: ann) == [.reply(ann, .whisper, "say to whom and what")])
    }

    @Test("A session that ends tells the room; a gateway that ends takes all its sessions; an empty room is gone")
    func closing() {
        var rooms = two()
        _ = rooms.received(.logIn, "cat", from: cat)
        #expect(rooms.closed(bob) == [.tell([ann, cat], .presence, "bob has left")])
        #expect(rooms.closed(bob).isEmpty)
        _ = rooms.received(.join, "garden", from: cat)
        _ = rooms.received(.logIn, "bob", from: bob)
        let effects = rooms.closedAll(of: 1)
        #expect(effects == [.tell([bob], .presence, "ann has left")], "nobody is left in the garden to be told")
        #expect(rooms.received(.list, "", from: bob) == [.reply(bob, .list, "lobby: bob")])
        #expect(rooms.count == 1)
    }

    @Test("Logging in again under another name leaves the room under the old one")
    func renamed() {
        var rooms = two()
        #expect(
            rooms.received(.logIn, "anna", from: ann) == [
                .tell([bob], .presence, "ann has left"), .bind(ann, name: "anna"), .reply(ann, .logIn, "welcome, anna"),
                .tell([bob], .presence, "anna has come"),
            ])
        #expect(rooms.count == 2)
    }
}
