import NIOCore
package import Wire

/// RPC frames, likewise; their control bodies are those of packets.
extension PacketDescription {
    package init(_ frame: RPCFrame) {
        self.init(indent: "  ", format: .standard)
        let header = frame.header
        let kind = RPCKind(rawValue: header.kind)
        add("length", "\(header.length)")
        add("kind", "\(header.kind) \(kind?.name ?? "(unknown)")")
        add("flags", header.isOneway && kind == .request ? "\(header.flags) oneway" : "\(header.flags)")
        add("code", header.code == 0 ? "0" : PacketDescription.code(header.code))
        add("rpc_id", "\(header.rpc)")
        add("timeout_ms", "\(header.timeoutMilliseconds)")
        add("identify_id", PacketDescription.wide(header.identify))
        add("call_id", PacketDescription.wide(header.call))
        do throws(WireError) {
            try add(kind, frame.payload)
        } catch {
            fault = error.description
            add("payload", BodyText.lines(of: frame.payload.readableBytesView))
        }
    }

    private mutating func add(_ kind: RPCKind?, _ payload: ByteBuffer) throws(WireError) {
        switch kind {
        case .request:
            let request = try ProtoRequest(payload: payload)
            add("type", "\(request.type)")
            add("sharding_id", "\(request.shardingID)")
            add("content", BodyText.lines(of: request.content.readableBytesView))
        case .reply:
            let reply = try ProtoReply(payload: payload)
            add("result", "\(reply.result)")
            add("type", "\(reply.type)")
            add("content", BodyText.lines(of: reply.content.readableBytesView))
        case .undelivered:
            let report = try Reject(body: payload, format: .standard)
            add(code: report.code, reason: report.reason)
        case .cancel, nil:
            if payload.readableBytes > 0 { add("payload", BodyText.lines(of: payload.readableBytesView)) }
        case .hello, .welcome, .reject, .ping, .pong, .drain, .peers:
            if let control = kind.flatMap({ ControlType(rawValue: PacketHeader.firstControlType + UInt16($0.rawValue)) }) {
                try add(control, payload)
            }
        }
    }
}
