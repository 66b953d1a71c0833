// swift-tools-version: 6.2
import PackageDescription

/// Every target: Swift 6 mode, visible dependencies, no warnings (`.ci/run` builds with `-warnings-as-errors`).
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let heap = Target.Dependency.product(name: "HeapModule", package: "swift-collections")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")

let package = Package(
    name: "switchyard",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Switchyard", targets: ["Switchyard"]),
        .executable(name: "switchyard", targets: ["Command"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    ],
    targets: [
        // Layers, lowest first. A layer imports only what stands above its own line.
        .target(name: "Wire", dependencies: [nioCore], swiftSettings: settings),
        .target(name: "Routing", swiftSettings: settings),
        .target(name: "Telemetry", dependencies: ["Wire"], swiftSettings: settings),
        .target(name: "CEpoll"),
        .target(name: "Reactors", dependencies: ["CEpoll", nioCore, deque, heap], swiftSettings: settings),
        .target(
            name: "Links", dependencies: ["Wire", "Telemetry", "CEpoll", "Reactors", nioCore, nioPosix, nioTLS, nioSSL, deque, logging],
            swiftSettings: settings),
        .target(name: "Sessions", dependencies: ["Wire", nioCore], swiftSettings: settings),
        .target(
            name: "Membership", dependencies: ["Wire", "Routing", "Telemetry", "Links", "Sessions", nioCore, nioPosix, logging],
            swiftSettings: settings),
        .target(
            name: "ThriftLink", dependencies: ["Wire", "Routing", "Telemetry", "Links", "Sessions", nioCore, nioPosix, deque, logging],
            swiftSettings: settings),

        .target(
            name: "RPCLink", dependencies: ["Wire", "Routing", "Telemetry", "Links", "Membership", nioCore, logging], swiftSettings: settings),

        // Roles: none imports another.
        .target(
            name: "Gateway",
            dependencies: ["Wire", "Routing", "Telemetry", "Links", "Membership", "Sessions", nioCore, nioPosix, deque, logging],
            swiftSettings: settings),

        .target(
            name: "RPCProxy", dependencies: ["Wire", "Routing", "Telemetry", "Links", "Sessions", "ThriftLink", nioCore, logging],
            swiftSettings: settings),

        // What a Swift developer imports.
        .target(
            name: "Switchyard",
            dependencies: [
                "Wire", "Routing", "Telemetry", "Reactors", "Links", "Sessions", "Membership", "ThriftLink", "RPCLink", nioCore, nioPosix, deque,
                logging,
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings),

        // The example service, and its client.
        .target(name: "Chat", dependencies: ["Switchyard", "Links", "Wire", nioCore, nioPosix], swiftSettings: settings),

        .target(
            name: "Hub",
            dependencies: ["Wire", "Routing", "Telemetry", "Links", "Sessions", "Membership", nioCore, logging],
            swiftSettings: settings),

        .target(
            name: "RPCHub",
            dependencies: ["Wire", "Routing", "Telemetry", "Links", "Sessions", "Membership", "ThriftLink", nioCore, logging],
            swiftSettings: settings),

        .target(
            name: "RPCAgent",
            dependencies: ["Wire", "Routing", "Telemetry", "Links", "ThriftLink", "RPCLink", nioCore, logging],
            swiftSettings: settings),

        // Programs.
        .target(
            name: "Bench",
            dependencies: ["Wire", "Links", nioCore, nioPosix, .product(name: "Histogram", package: "hdrhistogram-swift")],
            swiftSettings: settings),
        .target(
            name: "Operate",
            dependencies: [
                "Wire", "Reactors", "Links", "Sessions", "Routing", "Telemetry", "Membership", "ThriftLink", "RPCLink", "Gateway", "Hub", "RPCProxy",
                "RPCHub",
                "RPCAgent", "Chat", "Switchyard", nioCore, nioPosix, logging,
                .product(name: "Yams", package: "Yams"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            resources: [.embedInCode("Dashboard/dashboard.html")],
            swiftSettings: settings),
        .executableTarget(
            name: "Command",
            dependencies: [
                "Operate", "Bench", "Chat", "Links", "Switchyard", "Wire", nioCore, nioPosix, logging,
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings),

        // Programs that use the library, as its readers would write them.
        .executableTarget(name: "Echo", dependencies: ["Switchyard"], path: "Examples/Echo", swiftSettings: settings),
        .executableTarget(name: "capitals-service", dependencies: ["Switchyard"], path: "Examples/Service", swiftSettings: settings),
        .executableTarget(name: "tutorial-chat", dependencies: ["Switchyard"], path: "Examples/Tutorial", swiftSettings: settings),
        .executableTarget(name: "slow-echo", dependencies: ["Switchyard"], path: "Examples/SlowEcho", swiftSettings: settings),
        .executableTarget(name: "lane-load", dependencies: ["Switchyard", nioCore, nioPosix], path: "Examples/LaneLoad", swiftSettings: settings),
        .executableTarget(name: "thrift-server", dependencies: ["Switchyard"], path: "Examples/Thrift", swiftSettings: settings),
        .executableTarget(name: "chat-service", dependencies: ["Chat", "Switchyard"], path: "Examples/Chat", swiftSettings: settings),

        .executableTarget(name: "interop-server", dependencies: ["Switchyard"], path: "Tests/Interop/Server", swiftSettings: settings),

        // Tests mirror the sources; SystemTests starts real processes.
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: settings),
        .testTarget(name: "WireTests", dependencies: ["TestSupport", "Wire", nioCore], resources: [.copy("vectors")], swiftSettings: settings),
        .testTarget(name: "RoutingTests", dependencies: ["TestSupport", "Routing"], resources: [.copy("vectors")], swiftSettings: settings),
        .testTarget(
            name: "LinksTests", dependencies: ["TestSupport", "Links", "Wire", "Telemetry", nioCore, nioEmbedded, nioPosix, logging],
            swiftSettings: settings),
        .testTarget(name: "SessionsTests", dependencies: ["Sessions", "Wire"], swiftSettings: settings),
        .testTarget(
            name: "ThriftLinkTests",
            dependencies: ["ThriftLink", "Wire", "Links", "Routing", "Sessions", "Telemetry", nioCore, nioEmbedded, nioPosix, logging],
            swiftSettings: settings),
        .testTarget(name: "TelemetryTests", dependencies: ["Telemetry", "Wire"], swiftSettings: settings),
        .testTarget(
            name: "MembershipTests",
            dependencies: ["TestSupport", "Membership", "Wire", "Telemetry", "Links", "Routing", nioCore, nioEmbedded, nioPosix, logging],
            swiftSettings: settings),
        .testTarget(
            name: "HubTests",
            dependencies: ["TestSupport", "Hub", "Membership", "Wire", "Routing", "Links", "Telemetry", nioCore, nioPosix, logging],
            swiftSettings: settings),
        .testTarget(
            name: "GatewayTests",
            dependencies: [
                "TestSupport", "Gateway", "Wire", "Links", "Membership", "Sessions", "Routing", "Telemetry", nioCore, nioEmbedded, nioPosix, logging,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "RPCProxyTests",
            dependencies: ["RPCProxy", "ThriftLink", "Wire", "Links", "Sessions", "Routing", "Telemetry", nioCore, nioPosix, logging],
            swiftSettings: settings),
        .testTarget(
            name: "SwitchyardTests",
            dependencies: [
                "TestSupport", "Switchyard", "Hub", "RPCHub", "RPCLink", "Wire", "Links", "Sessions", "Routing", "Telemetry", "Membership", nioCore,
                nioEmbedded, nioPosix, logging,
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "RPCHubTests",
            dependencies: [
                "TestSupport", "RPCHub", "Wire", "Links", "Membership", "Routing", "Telemetry", "ThriftLink", nioCore, nioEmbedded, nioPosix, logging,
            ],
            swiftSettings: settings),
        .testTarget(name: "ChatTests", dependencies: ["Chat"], swiftSettings: settings),
        .testTarget(
            name: "BenchTests",
            dependencies: ["Bench", "Wire", "Links", nioCore, nioPosix, .product(name: "Histogram", package: "hdrhistogram-swift")],
            swiftSettings: settings),
        .testTarget(
            name: "OperateTests",
            dependencies: [
                "TestSupport", "Operate", "Gateway", "RPCProxy", "RPCHub", "RPCAgent", "RPCLink", "ThriftLink", "Links", "Sessions", "Routing",
                "Telemetry", "Wire", nioCore, nioPosix, logging,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "SystemTests", dependencies: ["Switchyard", "Wire", "Links", nioCore, nioPosix, logging], exclude: ["Support"],
            swiftSettings: settings),
    ]
)

// The fuzzer: Tests/Fuzz/run builds it, with the flags that it needs, and nothing else does.
if Context.environment["SWITCHYARD_FUZZ"] != nil {
    package.products.append(.executable(name: "fuzz", targets: ["Fuzz"]))
    package.targets.append(
        .executableTarget(
            name: "Fuzz", dependencies: ["Wire", nioCore], path: "Tests/Fuzz", exclude: ["run", "README.md", "corpus"],
            swiftSettings: settings + [.unsafeFlags(["-parse-as-library"])]))
}

// Event loops of our own are Linux's.
#if os(Linux)
    package.targets.append(.testTarget(name: "ReactorsTests", dependencies: ["Reactors", nioCore, nioPosix, nioSSL], swiftSettings: settings))
#endif
