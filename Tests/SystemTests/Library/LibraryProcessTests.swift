import Foundation
import Testing
import Wire

extension SystemTests {
    /// Programs that use the library, as processes of their own.
    @Suite struct LibraryProcessTests {
        /// One of the examples on a port of its own, once it can be connected to.
        private func withExample(_ name: String, _ arguments: [String] = [], _ body: (ChildProcess, UInt16) throws -> Void) throws {
            let place = try Listener(up: false)
            let port = place.port
            let child = try withExtendedLifetime(place) { try ChildProcess(Self.program(name), ["127.0.0.1:\(port)"] + arguments) }
            defer { child.end() }
            try eventually("\(name) listens on \(port); it says \(child.errors)") {
                if child.hasExited { throw Unmet("\(name) has ended: \(child.errors)") }
                return (try? PacketClient(port: port)) != nil
            }
            try body(child, port)
        }

        /// Built with the tests.
        private static func program(_ name: String) throws -> String {
            let path = SwitchyardProcess.packageFile(".build/debug/\(name)")
            guard FileManager.default.isExecutableFile(atPath: path) else { throw Unmet("no \(name): run swift build --build-tests") }
            return path
        }

        /// Says packets over and over, as a gateway, until it hears DRAIN; then answers that, and reads to the end.
        private func load(_ client: PacketClient, signal: () -> Void) throws -> (sent: Int, heard: [Packet]) {
            var sent = 0
            var heard: [Packet] = []
            var isSignalled = false
            let window = 512
            while heard.last?.control != .drain {
                if sent > 4 * window, !isSignalled {
                    isSignalled = true
                    signal()
                }
                let due = window - (sent - heard.count)
                if due > window / 2 {
                    try client.send((sent..<sent + due).map { Packet(100, "\($0)", es: 1, session: UInt64($0 % 50 + 1)) })
                    sent += due
                }
                heard.append(try client.receive())
            }
            try client.send(Packet(Drain(deadlineMilliseconds: 0)))
            heard += try client.remaining(within: .seconds(20))
            return (sent, heard)
        }

        @Test("S25: SIGTERM under load: an echo server answers every packet that it was sent before it heard that nothing follows, and ends with 0")
        func echoLeaves() throws {
            try withExample("Echo") { echo, port in
                let client = try PacketClient(port: port)
                let (sent, heard) = try load(client) { echo.signal(SIGTERM) }
                let answers = heard.filter { $0.control == nil }
                #expect(answers.count == sent)
                #expect(Set(answers.map(\.text)).count == sent)
                #expect(heard.allSatisfy { $0.control == nil || $0.control == .drain })
                #expect(try echo.exitCode(within: .seconds(20)) == 0, "\(echo.errors)")
            }
        }

        @Test("S25: SIGTERM: handlers under way finish, what waits when the time is over is answered draining, no handler is called after")
        func slowLeaves() throws {
            // 20 sessions with 40 packets each and 100 ms for one: 4 s of work, and 1 s to leave.
            try withExample("slow-echo", ["100", "1000"]) { echo, port in
                let client = try PacketClient(port: port)
                let packets = (0..<800).map { Packet(100, "\($0)", es: 1, session: UInt64($0 % 20 + 1)) }
                try client.send(packets)
                var heard = try client.receive(20)
                echo.signal(SIGTERM)
                heard += try client.remaining(within: .seconds(20))
                #expect(try echo.exitCode(within: .seconds(20)) == 0, "\(echo.errors)")
                let answered = heard.filter { $0.control == nil }.map(\.text)
                let refused = try heard.filter { $0.control == .undelivered }.map { try $0.read(Undelivered.self) }
                #expect(answered.count + refused.count == 800, "every packet has one outcome")
                #expect(refused.allSatisfy { $0.code == Code.draining.rawValue } && refused.count > 0)
                // Which handlers were called, by their own account: those whose answers came, and no other.
                let begun = echo.output.filter { $0.hasPrefix("begin ") }.map { String($0.dropFirst(6)) }
                let ended = echo.output.filter { $0.hasPrefix("end ") }.map { String($0.dropFirst(4)) }
                #expect(begun.count == answered.count && Set(begun) == Set(answered) && Set(ended) == Set(answered))
                #expect(answered.count > 20, "the handlers that were under way had a second")
            }
        }

        @Test("S8: 100,000 packets over 1,024 lanes with handlers that sleep 10 ms: the lanes wait at the same time")
        func lanesAtOnce() throws {
            // Beside the executable that is tested, so optimised as that is. How long it takes is for whoever runs it by hand: a test that
            // looked at the time would judge the machine.
            let folder = URL(fileURLWithPath: try SwitchyardProcess.binary()).deletingLastPathComponent()
            let binary = folder.appendingPathComponent("lane-load").path
            guard FileManager.default.isExecutableFile(atPath: binary) else {
                throw Unmet("no \(binary): swift build -c release --product lane-load")
            }
            let load = try ChildProcess(binary, ["sleep", "100000"])
            defer { load.end() }
            #expect(try load.exitCode(within: .seconds(60)) == 0, "\(load.errors)")
            let most = load.output.last?.split(separator: " ").last.flatMap { Int($0) } ?? 0
            // There are 64 threads: lanes that held theirs while they sleep would come to no more than that.
            #expect(most > 512 && most <= 1024, "\(load.output)")
        }

        @Test("The tutorial's program is a chat: names, rooms, private messages, presence")
        func tutorial() throws {
            try withExample("tutorial-chat") { chat, port in
                let (ann, bob, eve) = (try PacketClient(port: port), try PacketClient(port: port), try PacketClient(port: port))
                #expect(try ann.exchange(Packet(1, "ann")).text == "welcome, ann")
                let welcome = try bob.exchange(Packet(1, "bob"))
                #expect(welcome.text == "welcome, bob" && welcome.header.user != 0)
                #expect(try ann.receive().text == "bob has come")
                try bob.send(Packet(100, "hello"))
                let said = try ann.receive()
                #expect(said.header.type == 150 && said.text == "bob: hello")

                // Whoever has no name says nothing.
                try eve.send(Packet(100, "psst"))
                try eve.expectUndelivered(.unauthorized, of: 100)
                try eve.send(Packet(1, ""))
                try eve.expectUndelivered(.badRequest, of: 1)

                #expect(try bob.exchange(Packet(101, "kitchen")).text == "you are in kitchen")
                #expect(try ann.receive().text == "bob has left")
                #expect(try ann.exchange(Packet(103)).text == "kitchen: bob\nlobby: ann")
                try ann.send(Packet(100, "anyone here?"))
                try ann.send(Packet(104, "bob come back"))
                let whispered = try bob.receive()
                #expect(whispered.header.type == 151 && whispered.text == "ann: come back")
                #expect(try ann.exchange(Packet(104, "carl hello")).text == "carl is not here")

                #expect(try bob.exchange(Packet(102)).text == "you are in lobby")
                #expect(try ann.receive().text == "bob has come")
                bob.leave()
                let gone = try ann.receive()
                #expect(gone.header.type == 152 && gone.text == "bob has left")
                chat.signal(SIGTERM)
                try ann.expectReject(.draining)
                #expect(try chat.exitCode(within: .seconds(40)) == 0, "\(chat.errors)")
            }
        }
    }
}
