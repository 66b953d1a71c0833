import Foundation
import Synchronization
import Testing
import Wire

/// What became of one client's numbered packets.
struct Ledger: Sendable {
    var sent = 0
    /// Numbers in the order of their echoes.
    var echoed: [Int] = []
    /// Codes by number, in the order of their coming.
    var undelivered: [(number: Int, code: UInt16)] = []

    /// Sends at a moderate pace for that long, then reads until everything that will come has come.
    static func recorded(_ client: PacketClient, sender: Int, type: UInt16 = 100, size: Int = 200, for duration: Duration) throws -> Ledger {
        var ledger = Ledger()
        let end = ContinuousClock.now + duration
        while ContinuousClock.now < end {
            try client.send((0..<10).map { Packet(type, from: sender, number: ledger.sent + $0, size: size) })
            ledger.sent += 10
            pass(.milliseconds(5))
            while ledger.sent - ledger.echoed.count - ledger.undelivered.count > 200 || ContinuousClock.now >= end {
                guard try ledger.take(from: client, within: .milliseconds(200)) else { break }
            }
        }
        // After the barrier only answers of upstreams can come.
        try client.send(Packet(.ping))
        while try ledger.take(from: client, within: .seconds(1)) {}
        return ledger
    }

    /// Takes one packet; false when none came in time.
    mutating func take(from client: PacketClient, within limit: Duration) throws -> Bool {
        guard let packet = try? client.next(within: limit) else { return false }
        switch packet.control {
        case nil: echoed.append(packet.number)
        case .undelivered:
            add(try packet.read(Undelivered.self))
        default: break
        }
        return true
    }

    mutating func add(_ notice: Undelivered) { undelivered.append((number: notice.number, code: notice.code)) }

    var codes: Set<String> { Set(undelivered.map { Code.name(of: $0.code) }) }
    func numbers(_ code: Code) -> [Int] { undelivered.filter { $0.code == code.rawValue }.map(\.number) }

    /// Nothing echoed twice, nothing reported twice, nothing both echoed and reported as not sent.
    func expectSingleOutcomes(sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(Set(echoed).count == echoed.count, "echoed twice", sourceLocation: sourceLocation)
        let reported = undelivered.map(\.number)
        #expect(Set(reported).count == reported.count, "reported twice", sourceLocation: sourceLocation)
        // `lost` may have been processed; every other code says that it was not.
        let refused = undelivered.filter { $0.code != Code.lost.rawValue }.map(\.number)
        #expect(Set(refused).isDisjoint(with: echoed), "echoed and reported as not delivered", sourceLocation: sourceLocation)
        #expect(reported.allSatisfy { $0 < sent } && echoed.allSatisfy { $0 < sent }, sourceLocation: sourceLocation)
    }
}

extension Undelivered {
    /// The number in the lost packet's quoted bytes.
    var number: Int {
        guard quote.count >= 8 else { return -1 }
        return quote[4..<8].reduce(0) { $0 << 8 | Int($1) }
    }
}
