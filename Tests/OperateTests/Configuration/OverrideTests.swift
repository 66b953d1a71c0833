import Gateway
import Links
import Logging
import NIOCore
import Operate
import Sessions
import Testing

@Suite("Configuration: --set")
struct OverrideTests {
    @Test("A scalar of the file is replaced, one that is absent is added, the last one for a path wins")
    func replaces() throws {
        let loaded = try loadConfiguration(
            Documents.small,
            ["gateway.listen=127.0.0.1:7001", "gateway.limits.idle=2m", "name=a", "name=b", "gateway.publicTypes=1-9", "log.level='debug'"]
        ).get()
        let settings = loaded.settings
        #expect(settings.gateway?.listen == .host("127.0.0.1", port: 7001))
        #expect(settings.gateway?.limits.idle == .minutes(2))
        #expect(settings.gateway?.routes.count == 1)
        #expect(settings.name == "b")
        #expect(settings.log.level == .debug)
    }

    @Test("It works without a file, and an IPv6 address needs no quotes")
    func withoutFile() throws {
        let gateway = try loadConfiguration("", ["gateway.listen=[::1]:7000"]).get().settings.gateway
        #expect(gateway?.listen == .host("::1", port: 7000))
    }

    @Test(
        "Errors name the override",
        arguments: [
            ("gateway.listen=7000", "--set gateway.listen: \"7000\" is not an address; use host:port, [v6]:port or unix:/path"),
            ("gateway.lisen=a:1", "--set gateway.lisen: unknown key; did you mean `listen`?"),
            ("gatewya.listen=a:1", "--set gatewya.listen: gatewya: unknown key; did you mean `gateway`?"),
            ("gateway.esID='1'", "--set gateway.esID: \"1\" is not a number; use 1 to 4294967294"),
            ("gateway.esID=", "--set gateway.esID: has no value; needs a number"),
            ("gateway.esID", "--set gateway.esID: needs a path and a value, as in --set gateway.listen=127.0.0.1:7000"),
            ("gateway..esID=1", "--set gateway..esID: needs a path and a value, as in --set gateway.listen=127.0.0.1:7000"),
            ("=1", "--set : needs a path and a value, as in --set gateway.listen=127.0.0.1:7000"),
            ("gateway.routes=[]", "--set gateway.routes: is a list; lists can only be changed in the file"),
            ("gateway.routes.chat.legacy=true", "--set gateway.routes.chat.legacy: gateway.routes: is a list; lists can only be changed in the file"),
            ("gateway=1", "--set gateway: is a section; set one of its keys"),
            ("gateway.listen.port=1", "--set gateway.listen.port: gateway.listen: is a single value and has no key \"port\""),
            ("gateway.verify.mode=pass", "--set gateway.verify.mode: gateway.verify: needs one of strict, stamp, pass, not a section"),
            ("name='a", "--set name: 'a is not a YAML scalar"),
            ("admin.token=hunter2", "--set admin.token: a secret must not stand here itself; use env:NAME or file:PATH"),
            ("gateway.limits.idle=0s", "--set gateway.limits.idle: 0s could mean none or unlimited; use 1ms to 1440m"),
        ])
    func names(override: String, expected: String) {
        #expect(configurationErrors("\(Documents.small)\nadmin: { listen: 127.0.0.1:1 }", [override]) == [expected])
    }

    @Test("Errors of overrides come after those of the file, in the order given")
    func order() {
        #expect(
            configurationErrors("loops: 0\n", ["memory=0", "laneThreads=0"]) == [
                "edge.yaml:1:8: loops: 0 could mean none or unlimited; use 1 to 64",
                "--set memory: 0 could mean none or unlimited; use 64KiB to 1048576GiB",
                "--set laneThreads: 0 could mean none or unlimited; use 1 to 4096",
            ])
    }

    @Test("A section that only an override made lacks what it needs")
    func incomplete() {
        #expect(configurationErrors("", ["gateway.esID=2"]) == ["--set gateway.esID: gateway.listen: is missing; needs an address"])
    }
}
