import Foundation
import Links
import Testing
import Wire

@testable import Bench

@Suite struct BenchReportTests {
    private static let plan = BenchPlan(target: .host("127.0.0.1", port: 7000), connections: 4, seconds: 2)
    private static let timeline = Timeline(start: 0, plan: plan)

    /// Two loops: 3 answers and 1 undelivered, 2 answers and a lost connection with 1 request open.
    private static func report(_ plan: BenchPlan = plan) -> BenchReport {
        var first = Ledger(countFrom: timeline.countFrom, countTo: timeline.stop)
        var second = first
        let sent = timeline.countFrom + 1_000
        for _ in 0..<4 { first.requestSent(stamp: sent, at: sent) }
        for latency in [10_000, 20_000, 30_000] as [UInt64] { first.answerReceived(stamp: sent, at: sent + latency) }
        first.undeliveredReceived(code: Code.busy.rawValue, stamp: sent, at: sent + 5)
        for _ in 0..<3 { second.requestSent(stamp: sent, at: sent) }
        for _ in 0..<2 { second.answerReceived(stamp: sent, at: sent + 1_000_000) }
        second.connectionLost(open: 1)
        return BenchReport(
            plan: plan,
            results: [
                LoadResult(ledger: first, timeline: timeline, unsent: 0, lost: 0, firstFault: nil, isInterrupted: false),
                LoadResult(ledger: second, timeline: timeline, unsent: 0, lost: 1, firstFault: .closed, isInterrupted: false),
            ])
    }

    @Test func `loops are added up`() throws {
        let report = BenchReportTests.report()
        #expect((report.sent, report.received, report.unanswered) == (7, 5, 1))
        #expect(report.undelivered == ["busy": 1])
        #expect(report.errors == 1)
        #expect(report.perSecond == 2.5)
        #expect(try #require(report.latencyMicroseconds).max >= 1_000)
        #expect(
            report.problem
                == "1 of 4 connections to 127.0.0.1:7000 failed (closed by the peer); undelivered: busy 1; 1 requests were not answered")
    }

    @Test func `the JSON is one object that reads back`() throws {
        let report = BenchReportTests.report()
        let json = try report.json()
        #expect(!json.contains("\n"))
        #expect(try JSONDecoder().decode(BenchReport.self, from: Data(json.utf8)) == report)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
        #expect(object["window"] as? Int == 16)
        #expect(object["rate"] == nil)
        let latency = try #require(object["latencyMicroseconds"] as? [String: Any])
        #expect(Set(latency.keys) == ["p50", "p90", "p99", "p99.9", "max"])
    }

    @Test func `the text says it all`() {
        let text = BenchReportTests.report().text
        #expect(text.hasPrefix("127.0.0.1:7000: 4 connections, 16 in flight on each, bodies of 100 bytes, 2.0 s\n"))
        for line in ["  sent          7", "  undelivered   busy 1", "  unanswered    1", "  errors        1 (closed by the peer)"] {
            #expect(text.contains(line + "\n"))
        }
    }

    @Test func `an open loop tells its rate and how late it sent`() {
        var plan = BenchReportTests.plan
        plan.load = .rate(12_345)
        let report = BenchReportTests.report(plan)
        #expect(report.text.contains("12,345 packets/s"))
        #expect(report.longestSendDelayMicroseconds == 0)
    }

    @Test func `calls are called calls`() throws {
        var plan = BenchReportTests.plan
        plan.unit = .calls
        let report = BenchReportTests.report(plan)
        #expect(report.text.contains("  calls/s       2\n"))
        #expect(try report.json().contains("\"unit\":\"calls\""))
    }

    @Test(arguments: [
        (BenchPlan.Load.window(0), 1, 1.0, 1), (.window(65_537), 1, 1, 1), (.rate(0), 1, 1, 1), (.window(1), 0, 1, 1), (.window(1), 1, 0, 1),
        (.window(1), 1, .nan, 1), (.window(1), 1, .infinity, 1), (.window(1), 1, 1, 0),
    ])
    func `a plan that cannot be carried out is refused`(load: BenchPlan.Load, connections: Int, seconds: Double, loops: Int) {
        let plan = BenchPlan(
            target: .host("127.0.0.1", port: 1), load: load, connections: connections, seconds: seconds, loops: loops)
        #expect(plan.fault != nil)
    }
}
