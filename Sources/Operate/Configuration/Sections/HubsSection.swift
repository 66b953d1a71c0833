extension ProcessSettings.Hubs {
    /// `hubs: { to: [10.0.0.9:7200], token: env:HUB_TOKEN }`.
    init(reading section: SectionReader) {
        if !section.has("to") { section.fail("to", "is missing; needs a list of addresses") }
        self.init(
            to: section.peers("to") ?? [], token: section.optional("token", section.secrets.grammar),
            tls: DialerSection.tls(section))
    }
}
