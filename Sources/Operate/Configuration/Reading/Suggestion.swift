extension String {
    /// The candidate that is the likeliest to be meant: at most two edits away, and less than half of the word; upper and lower case are one.
    func nearest(in candidates: [String]) -> String? {
        let ranked = candidates.map { (word: $0, distance: lowercased().editDistance(to: $0.lowercased())) }
        guard let best = ranked.min(by: { $0.distance < $1.distance }), best.distance <= 2, best.distance * 2 < count else { return nil }
        return best.word
    }

    /// Levenshtein distance.
    private func editDistance(to other: String) -> Int {
        let other = Array(other)
        var row = Array(0...other.count)
        for (i, letter) in enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for j in other.indices {
                let substituted = diagonal + (letter == other[j] ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = Swift.min(substituted, diagonal + 1, row[j] + 1)
            }
        }
        return row[other.count]
    }
}
