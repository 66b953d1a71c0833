import Foundation
import NIOCore
import Testing
import Wire

/// One message of `vectors/thrift.json`: written by Apache Thrift for Python.
struct GoldenThrift: Decodable, CustomTestStringConvertible {
    var name: String
    var transport, `protocol`: String
    var hex: String

    var testDescription: String { "\(name), \(transport) \(self.protocol)" }
    var bytes: [UInt8] { ByteBuffer(hex: hex).bytes }

    var form: ThriftForm {
        guard let transport = ThriftTransport(rawValue: transport) else { preconditionFailure("no transport: \(transport)") }
        let names: [String: ThriftProtocol] = ["binary": .binary, "binary-old": .binaryOld, "compact": .compact]
        guard let known = names[self.protocol] else { preconditionFailure("no protocol: \(self.protocol)") }
        return ThriftForm(transport, known)
    }

    /// Name, type and sequence id that the file's messages were made with.
    var expected: (method: String, type: ThriftMessageType, sequence: Int32) {
        switch name {
        case "call rpc": ("rpc", .call, 1)
        case "call rpc, negative sequence id": ("rpc", .call, -2)
        case "reply rpc": ("rpc", .reply, 1)
        case "oneway tell": ("tell", .oneway, 3)
        case "call deep": ("deep", .call, .max)
        case "reply deep, declared exception": ("deep", .reply, .max)
        case "reply nothing": ("nothing", .reply, 4)
        case "exception": ("what", .exception, 5)
        case "multiplexed call": ("ProtoService:rpc", .call, 6)
        default: preconditionFailure("a message that no test knows: \(name)")
        }
    }

    static let all: [GoldenThrift] = {
        struct File: Decodable { var messages: [GoldenThrift] }
        guard let url = Bundle.module.url(forResource: "thrift", withExtension: "json", subdirectory: "vectors") else {
            preconditionFailure("thrift.json is not among the test's resources")
        }
        do {
            return try JSONDecoder().decode(File.self, from: Data(contentsOf: url)).messages
        } catch {
            preconditionFailure("thrift.json: \(error)")
        }
    }()

    /// The same message in another form.
    func inForm(_ form: ThriftForm) throws -> GoldenThrift {
        try #require(GoldenThrift.all.first { $0.name == name && $0.form == form })
    }
}

/// What a reader says of `bytes` at once, with heads as values.
enum Look: Equatable {
    case message(ThriftHead)
    case incomplete
    case refused(ThriftRefusal)
    case malformed(Code)
}

extension ThriftReader {
    /// Looks at `bytes`, and checks that an incomplete message asks for more than there is.
    mutating func look(_ bytes: some Collection<UInt8>) -> Look {
        Array(bytes).withUnsafeBytes { raw in
            switch next(raw) {
            case .message(let head): return .message(head)
            case .incomplete(let needed):
                #expect(needed > raw.count)
                return .incomplete
            case .refused(let refusal): return .refused(refusal)
            case .malformed(let error):
                #expect(!error.description.isEmpty && !error.description.contains("\n"))
                return .malformed(error.code)
            }
        }
    }
}

let frameLimit = 16_384_000

/// The head of a message that must be whole, by a reader that knew nothing before.
func wholeHead(of bytes: [UInt8]) throws -> ThriftHead {
    var reader = ThriftReader(limit: frameLimit)
    guard case .message(let head) = reader.look(bytes) else {
        throw WireError(.protocol, "no whole message")
    }
    return head
}

extension [UInt8] {
    func text(_ range: Range<Int>) -> String { String(decoding: self[range], as: UTF8.self) }
}
