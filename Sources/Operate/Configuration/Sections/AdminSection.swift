import Links

/// `admin: { listen: 127.0.0.1:9090, token: env:ADMIN_TOKEN }`.
struct AdminSection {
    let section: SectionReader
    let settings: ProcessSettings.Admin

    init(reading section: SectionReader) {
        self.section = section
        settings = ProcessSettings.Admin(
            listen: ListenerSection.read(section), token: section.optional("token", section.secrets.grammar),
            options: ListenerSection.options(section))
        if settings.token == nil, !settings.listen.isLoopback {
            section.warn("listen", "\(settings.listen) can be reached from other machines and asks for no token; add `token: env:NAME`")
        }
    }
}
