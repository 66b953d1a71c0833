import NIOSSL

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Why a handshake failed, in words of an operator's rather than of the TLS library.
struct TLSFault: Error, CustomStringConvertible {
    let description: String

    /// Its certificate does not say the name that was asked for.
    static let otherName = TLSFault(description: "its certificate is made out to another name")

    private init(description: String) { self.description = description }

    init(_ error: any Error, certificate: NIOSSLCertificate?) {
        let text = "\(error)"
        let now = time(nil)
        let said = TLSFault.words.first { text.contains($0.key) }?.meaning
        if text.contains("CERTIFICATE_VERIFY_FAILED"), let certificate, certificate.notValidAfter < now {
            description = "its certificate has expired"
        } else if text.contains("CERTIFICATE_VERIFY_FAILED"), let certificate, certificate.notValidBefore > now {
            description = "its certificate is not valid yet"
        } else if let error = error as? NIOSSLExtraError {
            description = error == .failedToValidateHostname ? TLSFault.otherName.description : "\(error)"
        } else {
            description = said ?? "TLS failed: \(text)"
        }
    }

    /// The library's names, the more telling first.
    private static let words: [(key: String, meaning: String)] = [
        ("HTTP_REQUEST", "this is a TLS port and it sent an HTTP request in clear"),
        ("WRONG_VERSION_NUMBER", "this is a TLS port and it sent something else"),
        ("CERTIFICATE_VERIFY_FAILED", "its certificate is not signed by an authority that we were told to trust"),
        ("PEER_DID_NOT_RETURN_A_CERTIFICATE", "it showed no certificate, and needs one"),
        ("UNSUPPORTED_PROTOCOL", "it speaks no TLS version that we do (1.2 or later)"),
        ("NO_SHARED_CIPHER", "it has no cipher in common with us"),
        ("TLSV1_ALERT_PROTOCOL_VERSION", "it refused our TLS versions (1.2 and later)"),
        ("UNKNOWN_CA", "it does not trust the authority of our certificate"),
        ("CERTIFICATE_REQUIRED", "it wants a certificate of ours, and was shown none"),
        ("CERTIFICATE_EXPIRED", "it says that our certificate has expired"),
        ("BAD_CERTIFICATE", "it refused our certificate"),
        ("EOF during handshake", "it closed in the middle of the TLS handshake"),
    ]
}
