import Foundation
import NIOCore
import Testing
import Wire

extension SystemTests {
    /// Thrift callers reach the hub's agents through its own door.
    @Suite struct RPCDoorTests {
        private func withDoor(_ rpcID: String, hub more: [String] = [], drainTimeout: String = "5s", _ body: (RPCHubProcess, UInt16) throws -> Void)
            throws
        {
            let thrift = ["thrift: { listen: \"127.0.0.1:0\", rpcID: \(rpcID) }"]
            try withRPCHub(hub: thrift + more, top: ["loops: 2", "drainTimeout: \(drainTimeout)"]) { hub in
                try body(hub, try SwitchyardProcess.port(in: hub.child.outputLine("rpcHub thrift listening on ")))
            }
        }

        @Test("A Thrift call goes to the agent of its type, or of a fixed id, and its answer or reason comes back", arguments: ["type", "12"])
        func roundTrip(rpcID: String) throws {
            try withDoor(rpcID) { hub, port in
                let agent = try hub.agent(5, 12...12)
                let client = ThriftPeer(try Socket(port: port))
                let type: Int32 = rpcID == "type" ? 12 : 7
                try client.call(1, ProtoRequest(type: type, content: ByteBuffer(string: "hello"), shardingID: 4))
                let request = try agent.take()
                #expect(request.header.rpc == 12 && request.header.identify == 0 && request.header.timeoutMilliseconds == 5000)
                try agent.answer(request)
                let reply = try client.reply()
                #expect(reply.sequence == 1)
                #expect(reply.answer == .reply(ProtoReply(result: 4, type: type, content: ByteBuffer(string: "olleh"))))
                try client.call(2, ProtoRequest(type: type))
                try agent.refuse(try agent.take(), .remoteException, "remoteException: it threw")
                #expect(try client.reply().answer == .exception(ThriftException(.internalError, "remoteException: it threw")))
                try client.call(3, ProtoRequest(type: type), oneway: true)
                #expect(try agent.take().header.isOneway)
                try client.call(4, ProtoRequest(type: type), method: "other")
                #expect(try client.reply().answer == .exception(ThriftException(.unknownMethod, "noRoute: there is no method other")))
                let links = try adminGet("/links?side=thrift", port: hub.adminPort).body
                let found = try JSONSerialization.jsonObject(with: Data(links.utf8)) as? [[String: Any]]
                #expect(found?.count == 1 && found?[0]["side"] as? String == "thrift", "\(links)")
                try hub.expectNothingOpen()
            }
        }

        @Test("S1, S4: noRoute at once without an agent, and a deadline in time")
        func reasons() throws {
            try withDoor("type", hub: ["timeout: 200ms"]) { hub, port in
                let client = ThriftPeer(try Socket(port: port))
                try client.call(1, ProtoRequest(type: 12))
                #expect(try client.reply().answer == .exception(ThriftException(.noRoute, "no agent for RPC id 12")))
                let agent = try hub.agent(5, 12...12)
                try client.call(2, ProtoRequest(type: 12))
                let late = try agent.take()
                #expect(try client.reply().answer == .exception(ThriftException(.deadline, "no answer in time")))
                try agent.expectCancel(of: late)
                try agent.answer(late)
                try hub.expectNothingOpen()
            }
        }

        @Test("S28: a Thrift caller that goes has its calls cancelled, long before their deadline")
        func callerGoes() throws {
            try withDoor("type", hub: ["timeout: 60s"]) { hub, port in
                let client = ThriftPeer(try Socket(port: port))
                let agent = try hub.agent(5, 12...12)
                try client.call(1, ProtoRequest(type: 12))
                let open = try agent.take()
                client.socket.cut()
                try agent.expectCancel(of: open)
                try hub.expectNothingOpen()
            }
        }

        @Test("S25: a Thrift call that does not end costs callers and agents their leaving in order no more than itself")
        func leaving() throws {
            try withDoor("type", hub: ["timeout: 60s"], drainTimeout: "12s") { hub, port in
                let agent = try hub.agent(5, 12...12)
                let caller = try hub.caller()
                let client = ThriftPeer(try Socket(port: port))
                try client.call(1, ProtoRequest(type: 12))
                _ = try agent.take()
                hub.child.signal(SIGTERM)
                #expect(try caller.word(within: .seconds(20)).header.kind == RPCKind.drain.rawValue)
                try caller.send(RPCFrame(.drain, Drain(deadlineMilliseconds: 0)))
                while try agent.word().header.kind != RPCKind.drain.rawValue {}
                try agent.send(RPCFrame(.drain, Drain(deadlineMilliseconds: 0)))
                #expect(try hub.child.exitCode(within: .seconds(15)) == 0)
            }
        }
    }
}

/// How a Thrift call ended.
private enum ThriftOutcome: Equatable {
    case reply(ProtoReply)
    case exception(ThriftException)
}

extension ThriftPeer {
    func call(_ sequence: Int32, _ request: ProtoRequest, method: String = "rpc", oneway: Bool = false) throws {
        var body = ByteBuffer()
        ThriftBody.write(request, encoding: .binary, to: &body)
        try send(oneway ? .oneway : .call, method, sequence, Array(body.readableBytesView))
    }

    fileprivate func reply() throws -> (sequence: Int32, answer: ThriftOutcome) {
        let message = try message()
        let body = ByteBuffer(bytes: message.body)
        if message.type == .exception {
            return (message.sequence, .exception(try ThriftBody.exception(body, body: 0..<body.readableBytes, encoding: .binary)))
        }
        guard case .success(let reply) = try ThriftBody.result(body, body: 0..<body.readableBytes, encoding: .binary) as ThriftBody.Result else {
            throw Unmet("a reply without a result")
        }
        return (message.sequence, .reply(ProtoReply(result: reply.result, type: reply.type, content: ByteBuffer(buffer: reply.content))))
    }
}
