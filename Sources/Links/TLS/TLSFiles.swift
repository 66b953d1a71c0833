import NIOCore
import NIOSSL

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// TLS on a listener, as paths of PEM files. Source: config, `tls` of a listener.
public struct ListenerTLS: Sendable, Equatable {
    /// The certificate, and behind it those that lead to its authority.
    public var certificate: String
    /// Its private key, without a passphrase.
    public var key: String
    /// The authorities of clients, who then need a certificate; nil asks for none.
    public var clients: String?

    /// TLS with these files; they are read when the listener starts, and again when they have changed.
    public init(certificate: String, key: String, clients: String? = nil) {
        self.certificate = certificate
        self.key = key
        self.clients = clients
    }
}

/// TLS toward a peer that is dialed, as paths of PEM files. Source: config, `tls` of a dialer.
public struct DialerTLS: Sendable, Equatable {
    /// The authorities that the peer's certificate is judged by; nil takes the system's.
    public var ca: String?
    /// The name that its certificate must be made out to; nil takes the host that is dialed.
    public var name: String?
    /// What we show when asked for a certificate; both or neither.
    public var certificate: String?
    /// The private key of ``certificate``.
    public var key: String?

    /// TLS with these files; they are read at the first dial, and again when they have changed.
    public init(ca: String? = nil, name: String? = nil, certificate: String? = nil, key: String? = nil) {
        self.ca = ca
        self.name = name
        self.certificate = certificate
        self.key = key
    }
}

/// Why TLS files cannot be used: one line that names the key, the file, and what to do.
public struct TLSFileError: Error, Equatable, CustomStringConvertible {
    /// The configuration's key below `tls`.
    public var key: String
    /// The file, and what to do.
    public var message: String
    public var description: String { "tls.\(key): \(message)" }
}

/// What can be made into a context for connections.
protocol TLSFiles: Sendable {
    var paths: [String] { get }
    func makeContext() throws(TLSFileError) -> NIOSSLContext
}

extension ListenerTLS: TLSFiles {
    var paths: [String] { [certificate, key] + (clients.map { [$0] } ?? []) }

    /// Reads every file and fits them together; rule S27: the same that `check` does.
    public func check() throws(TLSFileError) { _ = try makeContext() }

    func makeContext() throws(TLSFileError) -> NIOSSLContext {
        let chain = try PEM.certificates("certificate", certificate)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(try PEM.key("key", key)))
        if let clients {
            configuration.trustRoots = .certificates(try PEM.certificates("clients", clients))
            configuration.certificateVerification = .noHostnameVerification
        }
        return try PEM.context(configuration, key: key, certificate: certificate)
    }
}

extension DialerTLS: TLSFiles {
    var paths: [String] { [ca, certificate, key].compactMap { $0 } }

    /// Reads every file and fits them together; rule S27: the same that `check` does.
    public func check() throws(TLSFileError) { _ = try makeContext() }

    func makeContext() throws(TLSFileError) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        if let ca { configuration.trustRoots = .certificates(try PEM.certificates("ca", ca)) }
        if let certificate, let key {
            configuration.certificateChain = try PEM.certificates("certificate", certificate).map { .certificate($0) }
            configuration.privateKey = .privateKey(try PEM.key("key", key))
        }
        return try PEM.context(configuration, key: key ?? "", certificate: certificate ?? "")
    }
}

/// Reads PEM files, and says in one line what is wrong with one.
private enum PEM {
    static func certificates(_ key: String, _ path: String) throws(TLSFileError) -> [NIOSSLCertificate] {
        try readable(key, path)
        guard let found = try? NIOSSLCertificate.fromPEMFile(path), !found.isEmpty else {
            throw TLSFileError(key: key, message: "\(path) holds no certificate; it needs PEM text, -----BEGIN CERTIFICATE-----")
        }
        return found
    }

    static func key(_ key: String, _ path: String) throws(TLSFileError) -> NIOSSLPrivateKey {
        try readable(key, path)
        guard let found = try? NIOSSLPrivateKey(file: path, format: .pem) else {
            throw TLSFileError(key: key, message: "\(path) holds no private key that can be read; it needs PEM text without a passphrase")
        }
        return found
    }

    static func context(_ configuration: TLSConfiguration, key: String, certificate: String) throws(TLSFileError) -> NIOSSLContext {
        var configuration = configuration
        configuration.minimumTLSVersion = .tlsv12
        // As long as a link waits for its peer's close, in clear as in TLS.
        configuration.shutdownTimeout = .seconds(1)
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            // What each file holds was read above; what is left is that two of them do not belong together.
            throw TLSFileError(key: "key", message: "\(key) is not the key of \(certificate); give the key that the certificate was made with")
        }
    }

    private static func readable(_ key: String, _ path: String) throws(TLSFileError) {
        guard access(path, R_OK) != 0 else { return }
        let why = errno == ENOENT ? "is not there" : "cannot be read: \(String(cString: strerror(errno)))"
        throw TLSFileError(key: key, message: "\(path) \(why)")
    }
}
