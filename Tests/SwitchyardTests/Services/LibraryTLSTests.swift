import Foundation
import Links
import NIOCore
import Switchyard
import Telemetry
import Testing
import Wire

/// TLS on both sides of the library, with certificates and a client of openssl.
@Suite("TLS in the library", .serialized)
struct LibraryTLSTests {
    private func withCertificates(_ body: (TestCertificates) async throws -> Void) async throws {
        let certificates = try TestCertificates()
        defer { certificates.remove() }
        try await body(certificates)
    }

    /// What comes back for one packet, by `openssl s_client`; nothing when it was not let in.
    private func answer(to packet: Packet, at address: Endpoint?, _ options: [String]) async throws -> Packet? {
        var bytes = ByteBuffer()
        packet.write(to: &bytes)
        let (size, input) = (bytes.readableBytes, Array(bytes.readableBytesView))
        let to = address.map { "\($0)" } ?? ""
        // The client ends when its input does, so that stays open until the answer is there.
        let script =
            "{ cat; sleep 8; } | openssl s_client -connect \(to) -quiet -verify_return_error \(options.joined(separator: " ")) | head -c \(size)"
        let output = try await Task.detached { try run("bash", ["-c", script + "; kill $(jobs -p) 2>/dev/null; true"], input: input).output }.value
        var received = ByteBuffer(bytes: output)
        return try Packet(from: &received)
    }

    @Test("a packet server serves TLS, asks clients for certificates when it is told to, and takes no plain bytes")
    func server() async throws {
        try await withCertificates { certificates in
            let (own, theirs) = (try certificates.make("server"), try certificates.make("client"))
            let trust = ["-CAfile", certificates.authority]
            let tls = ListenerTLS(certificate: own.certificate, key: own.key, clients: certificates.authority)
            try await withServer(settings: { $0.access.tls = tls }) { router in
                router.on(7) { packet, _ in packet }
            } body: { server in
                let asked = packet(7, "in secret", session: 9)
                #expect(try await answer(to: asked, at: server.address, trust + ["-cert", theirs.certificate, "-key", theirs.key]) == asked)
                #expect(try await answer(to: asked, at: server.address, trust) == nil, "no certificate was shown")
                let plain = try await PacketPeer.connect(to: server.address)
                plain.say(asked)
                try await eventually("the plain client is closed") { plain.isClosed }
                #expect(plain.heard.isEmpty)
            }
        }
    }

    @Test("a server whose files do not fit says which, and does not listen")
    func misfit() async throws {
        try await withCertificates { certificates in
            let (one, other) = (try certificates.make("one"), try certificates.make("other"))
            var settings = PacketServerSettings(listen: .host("127.0.0.1", port: 0))
            settings.access.tls = ListenerTLS(certificate: one.certificate, key: other.key)
            let server = PacketServer(settings) { _ in }
            await #expect(throws: TLSFileError.self) { try await server.start() }
            #expect(server.address == nil)
        }
    }

    @Test("a client calls a Thrift server over TLS and shows its certificate; a server of another authority is not trusted")
    func thrift() async throws {
        try await withCertificates { certificates in
            let (own, theirs) = (try certificates.make("server"), try certificates.make("client"))
            let tls = ListenerTLS(certificate: own.certificate, key: own.key, clients: certificates.authority)
            try await withRPCServer(settings: { $0.options.tls = tls }) { server in
                var settings = RPCClientSettings(to: [try #require(server.address)])
                settings.logger = silentLogger
                settings.tls = DialerTLS(ca: certificates.authority, certificate: theirs.certificate, key: theirs.key)
                let trusted = RPCClient(settings)
                let content = ByteBuffer(repeating: 9, count: 100_000)
                #expect(try await trusted.call(ProtoRequest(type: 5, content: content)).content == content)
                await trusted.close()

                let strangers = try TestCertificates()
                defer { strangers.remove() }
                settings.tls?.ca = strangers.authority
                let distrustful = RPCClient(settings)
                try await distrustful.start()
                let refused = await #expect(throws: RPCError.self) { try await distrustful.call(ProtoRequest(type: 5)) }
                #expect(refused?.code == .noPeer)
                await distrustful.close(within: .zero)
            }
        }
    }

    @Test("a client whose files do not fit says which, from start and from each call, and takes them once they fit")
    func thriftMisfit() async throws {
        try await withCertificates { certificates in
            let own = try certificates.make("server")
            try await withRPCServer(settings: { $0.options.tls = ListenerTLS(certificate: own.certificate, key: own.key) }) { server in
                var settings = RPCClientSettings(to: [try #require(server.address)])
                settings.logger = silentLogger
                settings.tls = DialerTLS(ca: certificates.path("later.pem"))
                let client = RPCClient(settings)
                await #expect(throws: TLSFileError.self) { try await client.start() }
                await #expect(throws: TLSFileError.self) { try await client.call(ProtoRequest(type: 5)) }
                try FileManager.default.copyItem(atPath: certificates.authority, toPath: certificates.path("later.pem"))
                #expect(try await client.call(ProtoRequest(type: 5)).type == 5)
                await client.close()
            }
        }
    }

    @Test("a service link dials its hubs over TLS and shows its certificate; a hub of another authority is not trusted")
    func service() async throws {
        try await withCertificates { certificates in
            let (hubs, own) = (try certificates.make("hub"), try certificates.make("service"))
            let hub = try await RunningHub.start(
                tls: ListenerTLS(certificate: hubs.certificate, key: hubs.key, clients: certificates.authority))
            let edge = try await hub.edge(1)
            try await withService([hub]) {
                $0.tls = DialerTLS(ca: certificates.authority, name: "localhost", certificate: own.certificate, key: own.key)
            } handlers: { router in
                router.on(100) { packet, _ in packet }
            } body: { _ in
                try await eventually("the service is listed") { edge.reachable == [100...100] }
                edge.say(packet(100, "in secret", session: 3))
                try await eventually("an answer") { edge.answers.map(\.text) == ["in secret"] }
            }
            try await eventually("the service has left") { edge.reachable.isEmpty }
            let strangers = try TestCertificates()
            defer { strangers.remove() }
            try await withService([hub]) {
                $0.tls = DialerTLS(ca: strangers.authority, name: "localhost")
            } handlers: { router in
                router.on(100) { packet, _ in packet }
            } body: { service in
                #expect(await service.status().peers.map(\.state) == ["down"])
                #expect(edge.reachable.isEmpty)
            }
            await hub.end()
        }
    }
}
