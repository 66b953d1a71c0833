import Switchyard

/// One client connection: its session, on the edge that holds it.
struct Seat: Hashable {
    let es: UInt32
    let session: UInt64

    init(_ connection: PacketConnection) {
        es = connection.es
        session = connection.session
    }
}

/// Who is logged in, in which room, and the way back to each.
actor Rooms {
    private struct Guest {
        var name: String
        var room: String
        var connection: PacketConnection
    }

    private var guests: [Seat: Guest] = [:]

    /// Puts a connection into a room, under that name.
    func enter(_ connection: PacketConnection, as name: String, room: String) {
        guests[Seat(connection)] = Guest(name: name, room: room, connection: connection)
    }

    /// Takes a connection out.
    func leave(_ connection: PacketConnection) {
        guests[Seat(connection)] = nil
    }

    /// What a connection is called, and where it is; nil while it is not logged in.
    func find(_ connection: PacketConnection) -> (name: String, room: String)? {
        guests[Seat(connection)].map { ($0.name, $0.room) }
    }

    /// Everyone in a room but one.
    func others(in room: String, than connection: PacketConnection) -> [PacketConnection] {
        guests.values.filter { $0.room == room && $0.connection != connection }.map(\.connection)
    }

    /// A line for each room, with the names in it.
    func listing() -> String {
        Dictionary(grouping: guests.values, by: \.room)
            .map { room, guests in "\(room): " + Set(guests.map(\.name)).sorted().joined(separator: ", ") }
            .sorted().joined(separator: "\n")
    }

    /// Whether anyone has that name.
    func knows(_ name: String) -> Bool {
        guests.values.contains { $0.name == name }
    }

    /// Takes everyone out whom an edge has held.
    func clear(es: UInt32) {
        guests = guests.filter { $0.key.es != es }
    }
}
