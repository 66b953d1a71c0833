import NIOCore
package import Telemetry
import Wire

/// The list of a loop's links, and looking at it in slices, so that no look holds up the loop for longer than a moment.
extension LinkLoop {
    /// Links that one task of the loop looks at.
    private static let slice = 128
    /// A look ends after this, with what it has.
    private static let patience = Duration.seconds(1)

    // MARK: - Keeping the list

    func opened(_ link: Link) {
        link.place = links.count
        links.append(link)
    }

    /// - Parameter view: its last, taken while its owner still knew it.
    func ended(_ link: Link, _ view: LinkView) {
        if links.indices.contains(link.place), links[link.place] === link {
            let last = links.removeLast()
            if last !== link {
                links[link.place] = last
                last.place = link.place
            }
        }
        closed.append(view, at: now)
    }

    // MARK: - Looking

    /// The first of the query's order among the links that stand during the look. One that opens, or takes the place of one that closes,
    /// while the look is under way may be missed: it is a picture, not an account.
    package func look(_ query: LinkQuery, role: String) async -> [LinkView] {
        let end = ContinuousClock.now + LinkLoop.patience
        var found: [LinkView] = []
        var position = 0
        while ContinuousClock.now < end {
            // What is behind the last of a full list need not be shown.
            let least = found.count == query.limit ? found.last.map(query.key) : nil
            let from = position
            let slice = try? await eventLoop.submit { self.views(from: from, query, least: least, role: role) }.get()
            guard let slice, !slice.isEnd || !slice.views.isEmpty else { break }
            if !slice.views.isEmpty { found = query.first(of: found + slice.views) }
            if slice.isEnd { break }
            position += LinkLoop.slice
        }
        return found
    }

    private func views(from position: Int, _ query: LinkQuery, least: Double?, role: String) -> (views: [LinkView], isEnd: Bool) {
        let end = min(position + LinkLoop.slice, links.count)
        guard position < end else { return ([], true) }
        let views = links[position..<end].compactMap { link -> LinkView? in
            let view = link.view(role: role)
            guard query.matches(view) else { return nil }
            if let least, query.key(view) < least { return nil }
            return view
        }
        return (views, end == links.count)
    }

    package func lookAtClosed(_ query: LinkQuery, role: String) async -> [LinkView] {
        let views = try? await eventLoop.submit { self.closed.views(role: role, now: self.eventLoop.now) }.get()
        return query.first(of: (views ?? []).filter(query.matches))
    }

    /// Closes the link with that id, in order; false when it is not here.
    package func closeLink(_ id: UInt64) async -> Bool {
        let isHere = try? await eventLoop.submit {
            guard let link = self.links.first(where: { $0.id == id }) else { return false }
            self.enterTurn()
            link.closeForOperator()
            return true
        }.get()
        return isHere ?? false
    }

    // MARK: - Taps

    package func tap(_ id: UInt64, _ tap: any StreamTap) async {
        try? await eventLoop.submit {
            self.taps[id] = tap
            self.isTapped = true
            // What came of a frame before the tap.
            for link in self.links where link.keptInput > 0 { link.tellKept(to: tap) }
        }.get()
    }

    package func untap(_ id: UInt64) async {
        try? await eventLoop.submit {
            self.taps[id] = nil
            self.isTapped = !self.taps.isEmpty
        }.get()
    }
}

/// The same over all loops of a role.
package enum LinkInspection {
    package static func links(of loops: [LinkLoop], _ query: LinkQuery, role: String) async -> [LinkView] {
        query.first(of: await all(loops) { await $0.look(query, role: role) }.flatMap(\.self))
    }

    package static func closed(of loops: [LinkLoop], _ query: LinkQuery, role: String) async -> [LinkView] {
        query.first(of: await all(loops) { await $0.lookAtClosed(query, role: role) }.flatMap(\.self))
    }

    /// - Returns: how many were closed: one or none.
    package static func close(_ id: UInt64, on loops: [LinkLoop]) async -> Int {
        await all(loops) { await $0.closeLink(id) }.count { $0 }
    }

    package static func tap(_ id: UInt64, _ tap: any StreamTap, on loops: [LinkLoop]) async {
        _ = await all(loops) { await $0.tap(id, tap) }
    }

    package static func untap(_ id: UInt64, on loops: [LinkLoop]) async {
        _ = await all(loops) { await $0.untap(id) }
    }

    private static func all<Answer: Sendable>(
        _ loops: [LinkLoop], _ question: @escaping @Sendable (LinkLoop) async -> Answer
    ) async -> [Answer] {
        await withTaskGroup(of: Answer.self) { group in
            for loop in loops { group.addTask { await question(loop) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
    }
}
