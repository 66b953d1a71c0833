import ArgumentParser
import Operate
import Wire

struct DecodeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decode",
        abstract: "Show what packets mean.",
        discussion: """
            Takes the bytes of one packet or of several in a row, as hex digits, \
            and prints every field by its name.

              switchyard decode 001c000700000000000003e90000004d000000030102030405060708
              xxd -p capture.bin | switchyard decode

            Exit codes: 0 every byte was understood; 1 something is not a \
            packet (what comes before it is still printed); 64 not hex.
            """
    )

    @Argument(help: ArgumentHelp("The bytes; white space is allowed. Absent: read from standard input.", valueName: "hex"))
    var hex: [String] = []

    @Option(help: "How the link writes a header's integers: big or little.")
    var byteOrder = WireFormat.ByteOrder.big

    @Option(help: "What the link's Pack_len counts: the whole packet, or the body alone.")
    var length = WireFormat.Length.packet

    func run() throws {
        let bytes: [UInt8]
        do {
            bytes = try HexText.bytes(hex.isEmpty ? input() : hex.joined())
        } catch {
            Terminal.tell(error.description)
            throw ExitCode.validationFailure
        }
        let listing = PacketListing(of: bytes, format: WireFormat(byteOrder: byteOrder, length: length))
        if !listing.blocks.isEmpty { print(listing.blocks.joined(separator: "\n\n")) }
        if let fault = listing.fault {
            Terminal.tell(fault)
            throw ExitCode(1)
        }
    }

    private func input() -> String {
        var text = ""
        while let line = readLine(strippingNewline: false) { text += line }
        return text
    }
}
