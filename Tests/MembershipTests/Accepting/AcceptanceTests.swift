import NIOCore
import Testing
import Wire

@testable import Membership

@Suite struct AcceptanceTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
    private let rules = Known.rules()
    private let id = MemberID(slot: 3, generation: 9)

    private func service(node: UInt64 = 5, cluster: UInt32 = 1, claims: [Claim] = [], token: [UInt8] = Known.token) -> Hello {
        Hello(role: .service, cluster: cluster, node: node, claims: claims, token: token)
    }

    private func welcomed() throws -> Acceptance {
        var link = Acceptance(now: start)
        _ = link.helloReceived(.success(service()), by: rules)
        #expect(link.registered(id) == .none)
        #expect(link.published() == true)
        return link
    }

    @Test("HELLO, then registered, then WELCOME when every loop knows it")
    func handshake() throws {
        var link = Acceptance(now: start)
        let member = try rules.judge(service())
        #expect(link.helloReceived(.success(service()), by: rules) == .register(member))
        #expect(!link.isWelcomed)
        #expect(link.published() == false)
        #expect(link.registered(id) == .none)
        #expect(link.published() == true)
        #expect(link.isWelcomed && link.id == id)
        #expect(link.otherReceived("type 7") == .none)
    }

    @Test("Anything before WELCOME is refused with 14, the time after HELLO included")
    func dataBeforeHello() {
        var silent = Acceptance(now: start)
        let early = silent.otherReceived("type 7")
        #expect(early.code == .protocol)
        #expect(silent.helloReceived(.success(service()), by: rules) == .none)
        var asking = Acceptance(now: start)
        _ = asking.helloReceived(.success(service()), by: rules)
        let otherReceivedAction = asking.otherReceived("type 7")
        #expect(otherReceivedAction.code == .protocol)
        var registered = Acceptance(now: start)
        _ = registered.helloReceived(.success(service()), by: rules)
        _ = registered.registered(id)
        let registeredAction = registered.otherReceived("type 7")
        #expect(registeredAction.code == .protocol)
        #expect(registered.published() == false)
    }

    @Test("A HELLO that does not come within 5 s is refused with 14")
    func slowHello() {
        var link = Acceptance(now: start)
        #expect(link.timedOut(now: start + .milliseconds(4999)) == .none)
        let timedOutAction = link.timedOut(now: start + .seconds(5))
        #expect(timedOutAction.code == .protocol)
        var spoken = Acceptance(now: start)
        _ = spoken.helloReceived(.success(service()), by: rules)
        #expect(spoken.timedOut(now: start + .seconds(9)) == .none)
    }

    @Test("Bytes that are no HELLO are refused with the code of their fault, and nothing more is told")
    func badBytes() {
        for code in [Code.protocol, .unsupportedVersion] {
            var link = Acceptance(now: start)
            let action = link.helloReceived(.failure(WireError(code, "what was wrong")), by: rules)
            #expect(action == .refuse(Refusal(code, reason: code.name, detail: "what was wrong")))
        }
    }

    @Test("A later HELLO replaces the claims and is welcomed again")
    func laterHello() throws {
        var link = try welcomed()
        let later = service(claims: [Claim(1, 9)])
        #expect(link.helloReceived(.success(later), by: rules) == .update(try rules.judge(later)))
        #expect(link.published() == true)
        #expect(link.isWelcomed)
        #expect(link.helloReceived(.success(service()), by: rules) == .update(try rules.judge(service())))
    }

    @Test("A later HELLO that changes who speaks is refused with 11: node, cluster, role, token")
    func changedIdentity() throws {
        let two = Known.rules([.everything(token: Known.token), .everything(token: [2])])
        for other in [
            service(node: 6), service(cluster: 2), service(token: [2]), service(token: [3]),
            Hello(role: .edge, cluster: 1, node: 5, token: Known.token),
        ] {
            var link = try welcomed()
            let helloReceivedAction = link.helloReceived(.success(other), by: two)
            #expect(helloReceivedAction.code == .unauthorized)
            #expect(link.state == .over)
        }
    }

    @Test("A second HELLO before the registry has answered the first counts when it has")
    func quickSecondHello() throws {
        var link = Acceptance(now: start)
        _ = link.helloReceived(.success(service()), by: rules)
        let later = service(claims: [Claim(1, 9)])
        #expect(link.helloReceived(.success(later), by: rules) == .none)
        #expect(link.registered(id) == .update(try rules.judge(later)))
    }

    @Test("What comes after the end of a link changes nothing")
    func over() throws {
        var link = try welcomed()
        link.ended()
        #expect(link.helloReceived(.success(service()), by: rules) == .none)
        #expect(link.registered(id) == .none)
        #expect(link.published() == false)
        #expect(link.refused(Refusal(.busy, detail: "")) == .none)
    }
}

extension Acceptance.Action {
    fileprivate var code: Code? { if case .refuse(let refusal) = self { refusal.code } else { nil } }
}
