import Foundation
import Synchronization
import Wire

/// Clients of one gateway that each send a packet, wait for what becomes of it, and send the next, until told to stop.
final class ConstantLoad: Sendable {
    /// What became of the packets.
    struct Outcomes: Sendable {
        var answered = 0
        /// By the code's name.
        var undelivered: [String: Int] = [:]
        /// Nothing came in time.
        var silent = 0
        var slowest = Duration.zero
        var total: Int { answered + silent + undelivered.values.reduce(0, +) }

        mutating func add(_ other: Outcomes) {
            answered += other.answered
            undelivered.merge(other.undelivered) { $0 + $1 }
            silent += other.silent
            slowest = max(slowest, other.slowest)
        }
    }

    /// What the clients' threads share.
    private final class Shared: Sendable {
        let outcomes = Mutex(Outcomes())
        let isStopping = Atomic(false)
    }

    private let shared: Shared
    private let jobs: [InBackground<Void>]

    /// - Parameters:
    ///   - pause: between an outcome and the client's next packet.
    ///   - patience: after which a packet counts as silent.
    init(_ clients: [PacketClient], pause: Duration, patience: Duration = .seconds(2)) {
        let shared = Shared()
        self.shared = shared
        jobs = clients.enumerated().map { sender, client in
            InBackground {
                var number = 0
                while !shared.isStopping.load(ordering: .relaxed) {
                    number += 1
                    let one = try ConstantLoad.send("\(sender)-\(number)", client, patience)
                    shared.outcomes.withLock { $0.add(one) }
                    pass(pause)
                }
            }
        }
    }

    /// So far.
    var outcomes: Outcomes { shared.outcomes.withLock { $0 } }

    /// Lets each client wait for its last outcome.
    func stop() throws -> Outcomes {
        shared.isStopping.store(true, ordering: .relaxed)
        for job in jobs { try job.value() }
        return outcomes
    }

    /// Waits until that many more packets have been answered.
    func awaitAnswers(_ answers: Int, within limit: Duration = .seconds(20)) throws {
        let before = outcomes.answered
        try eventually("\(answers) more answers; \(outcomes)", within: limit) { outcomes.answered >= before + answers }
    }

    private static func send(_ text: String, _ client: PacketClient, _ patience: Duration) throws -> Outcomes {
        let start = ContinuousClock.now
        var outcome = Outcomes()
        try client.send(Packet(100, text))
        while true {
            guard let packet = try? client.receive(within: patience) else {
                outcome.silent = 1
                return outcome
            }
            let quote = packet.control == .undelivered ? try packet.read(Undelivered.self) : nil
            let said = quote.map { String(decoding: $0.quote, as: UTF8.self) } ?? packet.text
            // A late outcome of a packet that was given up.
            guard said == text else { continue }
            if let quote { outcome.undelivered[Code.name(of: quote.code)] = 1 } else { outcome.answered = 1 }
            outcome.slowest = ContinuousClock.now - start
            return outcome
        }
    }
}
