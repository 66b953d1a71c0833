import NIOCore
import Testing

@testable import Gateway

@Suite("Ends of sessions for hubs")
struct KeptClosingsTests {
    @Test("S12: at most 65,536 are kept; beyond them the oldest goes, and that is told")
    func bound() {
        let kept = KeptClosings()
        for session in 0..<65_536 { #expect(!kept.keep(.init(session: UInt64(session), user: 0, code: 8))) }
        #expect(kept.keep(.init(session: 65_536, user: 0, code: 8)))
        #expect(kept.keep(.init(session: 65_537, user: 0, code: 8)))
        #expect(kept.takeAll().map(\.session) == (2...65_537).map { UInt64($0) })
        #expect(kept.takeAll().isEmpty)
    }

    @Test("S12: a session that is gone is told of at most once in a second, whatever others do")
    func recent() {
        var notices = RecentNotices()
        let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
        var told: [UInt64: NIODeadline] = [:]
        var count = 0
        for step in 0..<3000 {
            let now = start + .milliseconds(Int64(step) * 3)
            let session = UInt64(step % 7)
            guard notices.admits(session, now: now) else { continue }
            count += 1
            if let last = told[session] { #expect(now - last >= .seconds(1)) }
            told[session] = now
        }
        // 9 s: each of the seven is told of again, and no later than after two seconds.
        #expect(count >= 7 * 4)
    }

    @Test("Beyond 65,536 sessions in a second nothing is told until it is over")
    func recentBound() {
        var notices = RecentNotices()
        let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
        for session in 0..<RecentNotices.limit { _ = notices.admits(UInt64(session), now: start) }
        let early = notices.admits(99_999_999, now: start + .milliseconds(999))
        #expect(!early)
        let late = notices.admits(99_999_999, now: start + .milliseconds(1000))
        #expect(late)
    }
}
