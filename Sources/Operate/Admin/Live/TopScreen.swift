import Telemetry

/// One picture of `switchyard top`: what two snapshots say, as lines. Pure.
package struct TopScreen: Sendable {
    let before: LiveSnapshot
    let now: LiveSnapshot

    // What a terminal is told.
    package static let enter = "\u{1B}[?1049h\u{1B}[?25l"
    package static let leave = "\u{1B}[?25h\u{1B}[?1049l"

    /// Draws over the picture before, without a flicker.
    package static func frame(_ lines: [String]) -> String {
        "\u{1B}[H" + lines.map { $0 + "\u{1B}[K" }.joined(separator: "\r\n") + "\u{1B}[J"
    }

    /// At most `height` lines of at most `width` characters.
    package func lines(width: Int, height: Int, color: Bool) -> [String] {
        let pen = Pen(color: color)
        let sections = [roles(pen), peers(pen), registered(pen), waiting(pen), errors(pen), lanes(pen)].filter { !$0.isEmpty }
        var lines = [head(pen)]
        for section in sections { lines += [""] + section }
        return lines.prefix(height).map { Pen.cut($0, to: width) }
    }

    private func head(_ pen: Pen) -> String {
        let status = now.status
        let state = now.isOutOfRotation ? "out of rotation" : status.state.rawValue
        return pen.bold(status.name) + "  " + pen.health(state) + "  up \(Pen.span(status.uptimeSeconds))  \(status.version)"
    }

    private func roles(_ pen: Pen) -> [String] {
        let titles = ["ROLE", "LINKS", "IN/s", "OUT/s", "MB/s", "CALLS/s", "UNDELIV/s", "QUEUED", ""]
        let rows = now.status.roles.map { role in
            let label = ["role": role.role]
            return [
                role.role, "\(sum("links_open", label))", Pen.number(rate("packets_total", label.merging(["direction": "in"]) { $1 })),
                Pen.number(rate("packets_total", label.merging(["direction": "out"]) { $1 })), Pen.number(rate("bytes_total", label) / 1e6),
                Pen.number(rate("calls_total", label)), Pen.number(rate("undelivered_total", label)), Pen.bytes(sum("queue_bytes", label)),
                role.listeners.map(\.address).joined(separator: " "),
            ]
        }
        return pen.table(titles, rows, right: 1...7)
    }

    private func peers(_ pen: Pen) -> [String] {
        let peers = now.status.roles.flatMap { role in role.peers.map { (role.role, $0) } }
        // Whoever is not well comes first.
        let sorted = peers.enumerated().sorted { ($0.element.1.state == "up" ? 1 : 0, $0.offset) < ($1.element.1.state == "up" ? 1 : 0, $1.offset) }
        let rows = sorted.map { [$0.element.0, $0.element.1.route, $0.element.1.address, $0.element.1.state, Pen.bytes($0.element.1.queuedBytes)] }
        return pen.table(["ROLE", "ROUTE", "UPSTREAM", "STATE", "QUEUED"], rows, right: 4...4, health: 3)
    }

    private func registered(_ pen: Pen) -> [String] {
        let rows = now.registry.map { [$0.role, $0.side, $0.node, $0.name, $0.state, $0.claims.joined(separator: ",")] }
        return pen.table(["ROLE", "SIDE", "NODE", "NAME", "STATE", "CLAIMS"], rows, right: 2...2, health: 4)
    }

    private func waiting(_ pen: Pen) -> [String] {
        let rows = now.pending.filter { $0.count > 0 }.map {
            [$0.role, $0.route, $0.what, "\($0.count)", Pen.bytes($0.bytes), "\($0.oldestMilliseconds) ms"]
        }
        return pen.table(["ROLE", "ROUTE", "WAITING", "COUNT", "BYTES", "OLDEST"], rows, right: 3...5)
    }

    private func errors(_ pen: Pen) -> [String] {
        let rows = now.numbers.filter { $0.value > 0 && TopScreen.faults.contains($0.name) }.sorted { $0.value > $1.value }.prefix(10).map { number in
            let labels = number.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
            return [number.name, labels, "\(number.value)", Pen.number(rate(number.name, number.labels))]
        }
        return pen.table(["WHAT", "LABELS", "TOTAL", "/s"], rows, right: 2...3)
    }

    private static let faults: Set = ["undelivered_total", "links_closed_total", "security_events_total", "lane_stalls_total"]

    private func lanes(_ pen: Pen) -> [String] {
        now.lanes.map { lanes in
            let busy = lanes.depths.count { $0 > 0 }
            let deepest = lanes.depths.max() ?? 0
            return "\(pen.bold("LANES")) \(lanes.role): \(busy) of \(lanes.depths.count) busy, deepest \(deepest), \(lanes.stalls) stalls"
        }
    }

    // MARK: - Numbers

    private func sum(_ name: String, _ labels: [String: String]) -> Int { TopScreen.sum(now, name, labels) }

    private func rate(_ name: String, _ labels: [String: String]) -> Double {
        let seconds = Double(now.milliseconds - before.milliseconds) / 1000
        guard seconds > 0 else { return 0 }
        return Double(max(0, sum(name, labels) - TopScreen.sum(before, name, labels))) / seconds
    }

    private static func sum(_ snapshot: LiveSnapshot, _ name: String, _ labels: [String: String]) -> Int {
        snapshot.numbers.reduce(0) { total, number in
            number.name == name && labels.allSatisfy { number.labels[$0] == $1 } ? total + number.value : total
        }
    }
}
