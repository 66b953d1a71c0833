import Foundation

/// The program's entry, by the name that SwiftPM gives it: hands over to libFuzzer, which calls back with every input. One program holds all decoders;
/// `FUZZ_DECODER` names the one that this run is about.
@_cdecl("Fuzz_main")
public func fuzzMain(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> CInt {
    var count = count
    var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = arguments
    return libFuzzerRun(&count, &arguments) { data, count in
        // Memory of exactly that size, so that the address sanitizer sees a read behind its end.
        Decoder.chosen.run(UnsafeRawBufferPointer(start: data, count: data == nil ? 0 : count))
        return 0
    }
}

@_silgen_name("LLVMFuzzerRunDriver")
private func libFuzzerRun(
    _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ each: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// A decoder, and what must hold whatever it is given; a broken promise traps, which libFuzzer takes for a finding.
struct Decoder: Sendable {
    let name: String
    let run: @Sendable (UnsafeRawBufferPointer) -> Void

    static let all = [
        Decoder(name: "packet", run: fuzzPackets), Decoder(name: "control", run: fuzzControlBodies), Decoder(name: "rpc", run: fuzzRPCFrames),
        Decoder(name: "handshake", run: fuzzHandshakes), Decoder(name: "thrift", run: fuzzThriftMessages),
        Decoder(name: "thriftBody", run: fuzzThriftBodies), Decoder(name: "proxy", run: fuzzProxyHeaders),
    ]

    static let chosen: Decoder = {
        let name = ProcessInfo.processInfo.environment["FUZZ_DECODER"] ?? ""
        guard let decoder = all.first(where: { $0.name == name }) else {
            fatalError("FUZZ_DECODER is one of \(all.map(\.name).joined(separator: ", "))")
        }
        return decoder
    }()
}

/// Ends the process with a word, which makes the input a finding.
func demand(_ condition: Bool, _ what: @autoclosure () -> String) {
    if !condition { fatalError(what()) }
}
