import Foundation
import Switchyard
import Synchronization

/// The service of `protoservice.thrift` on the library's own server: what Apache's clients are run against. `Tests/Interop/README.md` says
/// what it does.
///
///     interop-server [PORT]
@main
struct InteropServer {
    static func main() async throws {
        let told = Mutex<(count: Int64, last: ByteBuffer)>((0, ByteBuffer()))
        let port = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 0
        let server = RPCServer(listen: .host("127.0.0.1", port: port)) { request in
            switch request.type {
            case -1: try await Task.sleep(for: .milliseconds(request.shardingID))
            case -2: return told.withLock { ProtoReply(result: $0.count, type: request.type, content: $0.last) }
            default: break
            }
            let content = turnedRound(request.content)
            return ProtoReply(result: request.shardingID, type: request.type, content: content)
        }
        // What comes later on a connection must see it, so it is counted where calls are read.
        let tell: RPCInlineHandler = { request in
            told.withLock { $0 = ($0.count + 1, request.content) }
            return ProtoReply()
        }
        server.register("tell", inline: tell)
        server.register("deep") { (call: RPCRawCall) in
            let arguments = try ThriftStructure(call.arguments, in: call.protocol)
            guard case .structure(let nested)? = arguments[1] else { throw ThriftException(.badRequest, "deep needs a Nested") }
            let text = ThriftValue.text((nested[8]?.text ?? "") + "!")
            guard arguments[2] != .bool(true) else { return ThriftStructure([1: .structure(ThriftStructure([1: text]))]).encoded(in: call.protocol) }
            return ThriftStructure([0: .structure(ThriftStructure([2: .structure(nested), 8: text]))]).encoded(in: call.protocol)
        }
        server.register("nothing") { (_: RPCRawCall) in ThriftStructure().encoded(in: .binary) }
        let listeners = try await server.start()
        print("listening on \(listeners.map(\.address).joined())")
        fflush(nil)
        try await Task.sleep(for: .seconds(3600))
    }
}

/// Eight bytes at a time: bodies are up to 15 MiB, and a debug build takes seconds for that byte by byte.
private func turnedRound(_ content: ByteBuffer) -> ByteBuffer {
    let count = content.readableBytes
    var turned = ByteBuffer(repeating: 0, count: count)
    content.withUnsafeReadableBytes { source in
        turned.withUnsafeMutableReadableBytes { target in
            for offset in stride(from: 0, to: count - count % 8, by: 8) {
                let word = source.loadUnaligned(fromByteOffset: offset, as: UInt64.self).byteSwapped
                target.storeBytes(of: word, toByteOffset: count - 8 - offset, as: UInt64.self)
            }
            for offset in (count - count % 8)..<count { target[count - 1 - offset] = source[offset] }
        }
    }
    return turned
}
