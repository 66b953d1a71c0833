import Foundation
import Testing
import Wire

extension SystemTests {
    /// `up` without a file, and the examples that the documentation tells newcomers to run. Fixed ports: 7000, 7100, 7200, 7201, 7300, 7400, 7401, 9090,
    /// 9100.
    @Suite struct ExampleTests {
        /// Everything on its documented ports, for the time of `body`.
        private func withDemonstration(_ body: (ChildProcess) throws -> Void) throws {
            let up = try ChildProcess(SwitchyardProcess.binary(), ["up"])
            defer { up.end() }
            #expect(try up.outputLine("hub edges listening on ") == "127.0.0.1:7200")
            #expect(try up.outputLine("hub services listening on ") == "127.0.0.1:7201")
            #expect(try up.outputLine("gateway listening on ") == "127.0.0.1:7000")
            #expect(try up.outputLine("rpcProxy listening on ") == "127.0.0.1:7300")
            #expect(try up.outputLine("admin listening on ") == "127.0.0.1:9090")
            try body(up)
        }

        private func chat(_ arguments: String...) throws -> ChildProcess {
            try ChildProcess("python3", [SwitchyardProcess.packageFile("Examples/python/chat.py")] + arguments)
        }

        @Test("Examples: two chat clients talk over `up` without a file; send is echoed; SIGTERM ends it with 0")
        func demonstration() throws {
            try withDemonstration { up in
                let ann = try chat("--name", "ann", "--expect", "1", "--timeout", "20")
                defer { ann.end() }
                try eventually("ann is logged in") { !ann.errors.isEmpty }
                let bob = try chat("--name", "bob", "--say", "hello")
                defer { bob.end() }
                #expect(try bob.exitCode(within: .seconds(15)) == 0, "\(bob.errors)")
                #expect(try ann.exitCode(within: .seconds(15)) == 0, "\(ann.errors)")
                #expect(ann.output == ["bob: hello"])

                let send = try ChildProcess(SwitchyardProcess.binary(), ["send", "--type", "7", "--body", "hello"])
                defer { send.end() }
                #expect(try send.exitCode() == 0)
                #expect(send.output == ["hello"])
                up.signal(SIGTERM)
                #expect(try up.exitCode(within: .seconds(40)) == 0)
            }
        }

        @Test("Examples: the Thrift server of `up` without a file echoes, reverses, sleeps and fails by type, behind the proxy and without it")
        func demonstrationThrift() throws {
            try withDemonstration { _ in
                let calls = [
                    ("7", "hello", "hello", []), ("8", "hello", "olleh", []), ("9", "20", "20", ["--to", "127.0.0.1:9100"]),
                    ("8", "hub", "buh", ["--hub", "--rpc", "1"]),
                ]
                for (type, body, answer, to) in calls {
                    let call = try ChildProcess(SwitchyardProcess.binary(), ["call", "--type", type, "--body", body] + to)
                    defer { call.end() }
                    #expect(try call.exitCode() == 0)
                    #expect(call.output == [answer])
                }
                let fail = try ChildProcess(SwitchyardProcess.binary(), ["call", "--type", "10", "--body", "no"])
                defer { fail.end() }
                #expect(try fail.exitCode() == 1)
                #expect(fail.errors == ["exception 6: no"])
            }
        }

        @Test("Examples: the load of each `bench` is answered by `up` without a file, none of it with busy")
        func demonstrationLoad() throws {
            struct Report: Decodable {
                var received, unanswered, errors: Int
                var undelivered: [String: Int]
            }
            try withDemonstration { _ in
                for words in [["bench", "packet"], ["bench", "rpc"], ["bench", "rpchub"]] {
                    let load = try ChildProcess(SwitchyardProcess.binary(), words + ["--seconds", "1", "--json"])
                    defer { load.end() }
                    #expect(try load.exitCode(within: .seconds(30)) == 0, "\(words): \(load.output) \(load.errors)")
                    let report = try JSONDecoder().decode(Report.self, from: Data(load.output.joined().utf8))
                    #expect(report.received > 0 && report.undelivered.isEmpty && report.unanswered == 0 && report.errors == 0, "\(words): \(report)")
                }
            }
        }

        @Test("Examples: `chat` logs in and leaves when nothing more is typed, with 0; without a gateway it is one line and 1")
        func chatCommand() throws {
            try withDemonstration { _ in
                // It types nothing: the end of the input is its first word.
                let chat = try ChildProcess(SwitchyardProcess.binary(), ["chat", "--name", "eve"])
                defer { chat.end() }
                #expect(try chat.exitCode() == 0, "\(chat.errors)")
            }
            // A gateway that closes before it has answered: what was to be said is not, and that is told.
            let closing = try Listener()
            let cut = try ChildProcess(SwitchyardProcess.binary(), ["chat", "--name", "eve", "--to", "127.0.0.1:\(closing.port)"])
            defer { cut.end() }
            let connection = try obtain("it connects") { closing.accept(within: .seconds(1)) }
            guard case .bytes = connection.read(within: .seconds(5)) else { throw Unmet("it did not log in") }
            connection.cut()
            #expect(try cut.exitCode() == 1)
            #expect(cut.errors == ["! the gateway closed the connection"])
            let nobody = try Listener(up: false)
            let alone = try ChildProcess(SwitchyardProcess.binary(), ["chat", "--name", "eve", "--to", "127.0.0.1:\(nobody.port)"])
            defer { alone.end() }
            #expect(try alone.exitCode() == 1)
            #expect(alone.output.isEmpty && alone.errors.count == 1, "\(alone.output) \(alone.errors)")
        }

        @Test("Examples: what is piped into `chat` is said, in order, and answered before it leaves")
        func pipedChat() throws {
            try withDemonstration { _ in
                let ann = try chat("--name", "ann", "--expect", "1", "--timeout", "20")
                defer { ann.end() }
                try eventually("ann is logged in") { !ann.errors.isEmpty }
                let script = #"printf 'hello\n/msg nobody hi\n/list\n' | "$0" chat --name eve"#
                let eve = try ChildProcess("sh", ["-c", script, SwitchyardProcess.binary()])
                defer { eve.end() }
                #expect(try eve.exitCode() == 0)
                #expect(eve.errors == ["* welcome, eve", "* nobody is not here", "* lobby: ann, eve"])
                #expect(try ann.exitCode(within: .seconds(15)) == 0, "\(ann.errors)")
                #expect(ann.output == ["eve: hello"])
            }
        }

        @Test("Examples: `chat` at a gateway without a chat service says so and ends with 1")
        func chatWithoutService() throws {
            try withGateway(Configuration(routes: ["{ name: echo, types: [7], to: [127.0.0.1:9] }"], gateway: ["publicTypes: [0-99]"])) { gateway in
                let chat = try ChildProcess(SwitchyardProcess.binary(), ["chat", "--name", "eve", "--to", "127.0.0.1:\(gateway.port)"])
                defer { chat.end() }
                #expect(try chat.exitCode() == 1)
                #expect(chat.errors == ["! the login was not delivered: noRoute"])
            }
        }

        @Test("Examples: a service in Python behind two hubs answers what clients send through a gateway")
        func pythonService() throws {
            try withHub { first in
                try withHub(hub: ["id: 77"]) { second in
                    let script = SwitchyardProcess.packageFile("Examples/python/hub_service.py")
                    let hubs = ["--hub", "127.0.0.1:\(first.services)", "--hub", "127.0.0.1:\(second.services)"]
                    let service = try ChildProcess("python3", [script] + hubs + ["--types", "100-199", "--node", "3"])
                    defer { service.end() }
                    let to = "hubs: { to: [127.0.0.1:\(first.edges), 127.0.0.1:\(second.edges)] }"
                    let routes = ["{ name: game, types: [100-199], hubs: true, waitForPeer: 10s }"]
                    try withGateway(Configuration(routes: routes, gateway: [to])) { gateway in
                        for _ in 0..<8 {
                            let client = try gateway.client()
                            #expect(try client.exchange(Packet(150, "hello")).text == "HELLO")
                        }
                    }
                }
            }
        }

        @Test("Examples: the echo server behind a direct route answers type 7, and says so for others")
        func echoServer() throws {
            let server = try ChildProcess("python3", [SwitchyardProcess.packageFile("Examples/python/echo_server.py"), "--listen", "127.0.0.1:0"])
            defer { server.end() }
            let port = try SwitchyardProcess.port(in: server.outputLine("echo server listening on "))
            try withGateway(Configuration(routes: ["{ name: echo, types: [7, 8], to: [127.0.0.1:\(port)] }"])) { gateway in
                let client = try gateway.client()
                #expect(try client.exchange(Packet(7, "hello")).text == "hello")
                try client.send(Packet(8, "hello"))
                let notice = try client.expectUndelivered(.noRoute, of: 8)
                #expect(notice.reason == "noRoute" && notice.quote == Array("hello".utf8))
                gateway.signal(SIGINT)
                #expect(try gateway.exitCode() == 0)
            }
        }
    }
}
