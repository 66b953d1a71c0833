import Wire

extension WireFormat {
    /// `wire: { byteOrder: big, length: packet }`.
    init(reading section: SectionReader) {
        self.init(byteOrder: section.value("byteOrder", .word, default: .big), length: section.value("length", .word, default: .packet))
    }
}
