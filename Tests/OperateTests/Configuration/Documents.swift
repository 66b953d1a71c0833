import Operate

/// A machine whose defaults are easy to recognise.
let testMachine = Machine(hostName: "host-7", cores: 3, memory: 8 << 30)

func loadConfiguration(_ text: String, _ overrides: [String] = [], environment: [String: String] = [:]) -> Result<
    ConfigurationLoader.Loaded, ConfigurationErrors
> {
    ConfigurationLoader.load(text: text, file: "edge.yaml", overrides: overrides, environment: environment, machine: testMachine)
}

/// The errors of a document that must have some.
func configurationErrors(_ text: String, _ overrides: [String] = [], environment: [String: String] = [:]) -> [String] {
    switch loadConfiguration(text, overrides, environment: environment) {
    case .success: []
    case .failure(let errors): errors.lines
    }
}

enum Documents {
    /// Two lines, for tests that put a third below; it has no error and no warning.
    static let small = """
        gateway:
          listen: 127.0.0.1:7000
          routes: [{ name: chat, types: [100-199], to: [10.0.0.1:7100] }]
        """

    /// The documented example, as far as this version goes.
    static let full = """
        name: edge-1                     # shown to peers and on the dashboard; default: host name
        loops: 2                         # event loops; default: one per core
        laneThreads: 64
        memory: 2GiB                     # all queues together; default: half of the machine or cgroup
        log: { level: info, format: text }        # or json; logs go to stderr
        drainTimeout: 30s
        admin: { listen: 127.0.0.1:9090, token: env:ADMIN_TOKEN }      # absent: no admin server

        gateway:
          listen: 0.0.0.0:7000
          esID: 1                        # default 1
          cluster: 1                     # default 1
          wire: { byteOrder: big, length: packet }
          verify: strict                 # strict (default), stamp, pass
          publicTypes: [0-99]            # default: all
          tellClients: true
          limits: { connections: 100000, perAddress: unlimited, packetsPerSecond: 200, bytesPerSecond: 256KiB, maxPending: 1MiB, handshake: 5s, idle: 120s }
          routes:
            - { name: chat, types: [100-199], to: [10.0.0.1:7100, 10.0.0.2:7100], connections: 1 }     # connections per address
            - { name: old, types: [200-299], to: [10.0.0.3:7100], legacy: true, wire: { byteOrder: little, length: body } }
            - { name: game, types: [1000-4095], hubs: true, waitForPeer: 2s, waitBytes: 1MiB, highWater: 1MiB }
          default: hubs                  # a route's name, hubs, or none (default)
          heartbeat: 10s                 # on direct routes
          hubs: { to: [10.0.0.9:7200], token: env:HUB_TOKEN }      # secrets: env:NAME or file:PATH, never in the file itself
        """

    static let tokens = ["ADMIN_TOKEN": "open-sesame", "HUB_TOKEN": "shibboleth"]
}
