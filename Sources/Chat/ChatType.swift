/// The packet types of the chat service. Bodies are UTF-8 text.
///
/// | type | from    | body             | means                                                                        |
/// |------|---------|------------------|------------------------------------------------------------------------------|
/// | 1    | client  | name             | log in; answered with type 1, a greeting, whose header holds the new identity  |
/// | 100  | client  | text             | say it to the room                                                             |
/// | 101  | client  | room             | go to that room; answered with type 101, who is there                         |
/// | 102  | client  | empty            | leave the room for the lobby; answered like 101                               |
/// | 103  | client  | empty            | list; answered with type 103, a line for each room                            |
/// | 104  | client  | name, text       | say it to one person alone; answered with type 104 when there is no such name |
/// | 150  | service | `name: text`     | said in the room                                                               |
/// | 151  | service | `name: text`     | said to this user alone                                                        |
/// | 152  | service | `name has left`  | someone came to the room or left it                                            |
public enum ChatType: UInt16, Sendable, CaseIterable {
    case logIn = 1
    case say = 100
    case join = 101
    case leave = 102
    case list = 103
    case whisper = 104
    case said = 150
    case whispered = 151
    case presence = 152
}
