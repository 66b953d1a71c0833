import ArgumentParser
import Links

/// TLS toward what a command talks to.
struct TLSOptions: ParsableArguments {
    @Flag(help: "Speak TLS. Any --tls-... option says so, too.")
    var tls = false

    @Option(help: ArgumentHelp("The authorities to judge the certificate by. Absent: the system's.", valueName: "file"))
    var tlsCa: String?

    @Option(help: ArgumentHelp("The name that the certificate must be made out to. Absent: the host that is dialed.", valueName: "name"))
    var tlsName: String?

    @Option(help: ArgumentHelp("Our own certificate, where one is asked for.", valueName: "file"))
    var tlsCertificate: String?

    @Option(help: ArgumentHelp("Its private key.", valueName: "file"))
    var tlsKey: String?

    /// Nil: plain.
    var settings: DialerTLS? {
        let isAsked = tls || tlsCa != nil || tlsName != nil || tlsCertificate != nil
        return isAsked ? DialerTLS(ca: tlsCa, name: tlsName, certificate: tlsCertificate, key: tlsKey) : nil
    }

    func validate() throws {
        if (tlsCertificate == nil) != (tlsKey == nil) { throw ValidationError("--tls-certificate and --tls-key belong together; give both") }
    }
}
