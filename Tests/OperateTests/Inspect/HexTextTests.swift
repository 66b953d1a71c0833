import Testing

@testable import Operate

@Suite struct HexTextTests {
    @Test(arguments: [
        ("", []), ("00ff", [0x00, 0xFF]), ("DEADbeef", [0xDE, 0xAD, 0xBE, 0xEF]), (" 0x0a 0b\n0c\t", [0x0A, 0x0B, 0x0C]), ("0 1", [0x01]),
    ])
    func `hex is read with white space anywhere`(text: String, bytes: [UInt8]) throws {
        #expect(try HexText.bytes(text) == bytes)
    }

    @Test(arguments: [
        ("0", "an odd number of hex digits: the last byte is half a byte"), ("0g", "'g' (character 2) is not a hex digit"),
        ("0x0x", "'x' (character 2) is not a hex digit"), ("٣٣", "'٣' (character 1) is not a hex digit"),
    ])
    func `what is not hex is named`(text: String, fault: String) {
        #expect(throws: HexText.Fault(description: fault)) { try HexText.bytes(text) }
    }

    @Test func `bytes are written as two digits each`() {
        #expect(HexText.text([0x00, 0x0A, 0xFF] as [UInt8]) == "000aff")
    }
}
