package import NIOCore

extension ThriftBody {
    /// Appends the arguments of a call.
    package static func write(_ request: ProtoRequest, encoding: ThriftEncoding, to buffer: inout ByteBuffer) {
        request.content.withUnsafeReadableBytes {
            writeArguments(type: request.type, content: $0, shardingID: request.shardingID, encoding: encoding, to: &buffer)
        }
    }

    /// Appends the arguments of a call, whose content stands elsewhere.
    package static func writeArguments(
        type: Int32, content: UnsafeRawBufferPointer, shardingID: Int64, encoding: ThriftEncoding, to buffer: inout ByteBuffer
    ) {
        write(to: &buffer, encoding) { output in
            output.field(.structure, id: 1, after: 0)
            output.field(.i32, id: 1, after: 0)
            output.i32(type)
            output.field(.binary, id: 2, after: 1)
            output.binary(content)
            output.field(.i64, id: 3, after: 2)
            output.i64(shardingID)
            output.stop()
            output.stop()
        }
    }

    /// Appends the result of a reply.
    package static func write(_ reply: ProtoReply, encoding: ThriftEncoding, to buffer: inout ByteBuffer) {
        write(to: &buffer, encoding) { output in
            output.field(.structure, id: 0, after: 0)
            output.field(.i64, id: 1, after: 0)
            output.i64(reply.result)
            output.field(.i32, id: 2, after: 1)
            output.i32(reply.type)
            output.field(.binary, id: 3, after: 2)
            reply.content.withUnsafeReadableBytes { output.binary($0) }
            output.stop()
            output.stop()
        }
    }

    /// Appends an exception's body.
    package static func write(_ exception: ThriftException, encoding: ThriftEncoding, to buffer: inout ByteBuffer) {
        write(to: &buffer, encoding) { output in
            var message = exception.message
            output.field(.binary, id: 1, after: 0)
            message.withUTF8 { output.binary(UnsafeRawBufferPointer($0)) }
            output.field(.i32, id: 2, after: 1)
            output.i32(exception.kind.rawValue)
            output.stop()
        }
    }

    /// The buffer is moved in and out, so that appending does not copy it.
    private static func write(to buffer: inout ByteBuffer, _ encoding: ThriftEncoding, _ fill: (inout ThriftOutput) -> Void) {
        var output = ThriftOutput(buffer: buffer, encoding: encoding)
        buffer = ByteBuffer()
        fill(&output)
        buffer = output.buffer
    }
}

extension ThriftEnvelope {
    /// A whole message, written out: for programs, tools and answers of our own. Relays write into a link's block instead.
    package static func message(
        _ form: ThriftForm, _ type: ThriftMessageType, sequence: Int32, name: String, _ body: (inout ByteBuffer) -> Void
    ) -> ByteBuffer {
        var content = ByteBuffer()
        body(&content)
        var message = ByteBuffer()
        var name = name
        name.withUTF8 { bytes in
            let envelope = ThriftEnvelope(form: form, type: type, sequence: sequence, name: UnsafeRawBufferPointer(bytes))
            message.write(envelope, bodyCount: content.readableBytes)
        }
        message.writeImmutableBuffer(content)
        return message
    }
}
