import Logging

extension ProcessSettings.Log {
    /// `log: { level: info, format: text }`.
    init(reading section: SectionReader) {
        self.init()
        level = section.value("level", .word, default: level)
        format = section.value("format", .word, default: format)
    }
}
