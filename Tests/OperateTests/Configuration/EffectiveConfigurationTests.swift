import Operate
import Testing

@Suite("Configuration: what check prints")
struct EffectiveConfigurationTests {
    @Test("Every default is filled in, secrets are masked, and the order is the documented one")
    func printed() throws {
        let settings = try loadConfiguration(Documents.full, environment: Documents.tokens).get().settings
        #expect(
            EffectiveConfiguration.yaml(of: settings) == """
                name: edge-1
                loops: 2
                laneThreads: 64
                memory: 2GiB
                log:
                  level: info
                  format: text
                drainTimeout: 30s
                admin:
                  listen: 127.0.0.1:9090
                  token: '***'
                gateway:
                  listen: 0.0.0.0:7000
                  esID: 1
                  cluster: 1
                  wire:
                    byteOrder: big
                    length: packet
                  verify: strict
                  publicTypes: [0-99]
                  tellClients: true
                  limits:
                    connections: 100000
                    perAddress: unlimited
                    packetsPerSecond: 200
                    bytesPerSecond: 256KiB
                    maxPending: 1MiB
                    handshake: 5s
                    idle: 2m
                  routes:
                    - name: chat
                      types: [100-199]
                      to: [10.0.0.1:7100, 10.0.0.2:7100]
                      connections: 1
                      legacy: false
                      wire:
                        byteOrder: big
                        length: packet
                      waitBytes: 1MiB
                      highWater: 1MiB
                    - name: old
                      types: [200-299]
                      to: [10.0.0.3:7100]
                      connections: 1
                      legacy: true
                      wire:
                        byteOrder: little
                        length: body
                      waitBytes: 1MiB
                      highWater: 1MiB
                    - name: game
                      types: [1000-4095]
                      hubs: true
                      waitForPeer: 2s
                      waitBytes: 1MiB
                      highWater: 1MiB
                  default: hubs
                  heartbeat: 10s
                  hubs:
                    to: [10.0.0.9:7200]
                    token: '***'

                """)
    }

    @Test(
        "What is printed loads to the same settings again",
        arguments: [
            Documents.full, Documents.small, "", "gateway: { listen: '[::1]:0' }",
            "name: \"it's: # [odd], {yes}\"\nloops: 9\nlaneThreads: 1\nmemory: 65537\nlog: { level: critical, format: json }\ndrainTimeout: 1500ms",
            "name: 'null'\nadmin: { listen: unix:/run/admin.sock }", "name: '12'", "name: ' spaces '", "name: '- a'", "name: Édge",
            """
            gateway:
              listen: unix:/run/a b.sock
              esID: 0xFFFFFFFE
              cluster: 7
              wire: { byteOrder: little, length: body }
              verify: pass
              publicTypes: [0, 2-3, 65279]
              tellClients: false
              limits: { connections: unlimited, perAddress: 3, packetsPerSecond: 5, bytesPerSecond: 6, maxPending: 7, handshake: 8ms, idle: 90s }
              routes:
                - { name: 'no', types: [4, 6], to: ['[::1]:9', b:10, 'unix:/c,d'], connections: 11, waitForPeer: 12ms, waitBytes: 13, highWater: 14 }
              default: 'no'
              heartbeat: 61s
            """,
        ])
    func roundTrip(text: String) throws {
        let settings = try loadConfiguration(text, environment: Documents.tokens).get().settings
        var printed = EffectiveConfiguration.yaml(of: settings)
        // A secret is the one thing that is not printed; the admin section stands first.
        for variable in ["ADMIN_TOKEN", "HUB_TOKEN"] {
            if let mask = printed.firstRange(of: "'***'") { printed.replaceSubrange(mask, with: "env:\(variable)") }
        }
        let other = Machine(hostName: "elsewhere", cores: 99, memory: 1 << 20)
        let again = try ConfigurationLoader.load(text: printed, file: "printed.yaml", environment: Documents.tokens, machine: other).get().settings
        #expect(again == settings)
        #expect(EffectiveConfiguration.yaml(of: again) == EffectiveConfiguration.yaml(of: settings))
    }
}
