import Links
import Logging
import NIOCore
import RPCLink
import Synchronization
import Wire

/// Does an agent's calls with a function, each in a task of its own.
///
/// `@unchecked Sendable`: confined to the desk's event loop, except ``outcomes``.
final class FunctionWorker: AgentWorker, @unchecked Sendable {
    // Guard: set once in `init`.
    private(set) var desk: AgentDesk!
    private let handler: RPCHubAgent.Handler
    private var tasks: [UInt64: Task<Void, Never>] = [:]
    private let outcomes = Mutex(Outcomes())

    private struct Outcomes {
        var ready: [(ticket: UInt64, outcome: Outcome)] = []
        /// The agent has left, and its event loop may be gone.
        var isClosed = false
    }

    private enum Outcome: Sendable {
        case reply(ProtoReply)
        case failure(Code, String)
        /// The function threw something that is nobody's business; the text is for the log.
        case threw(String)
    }

    init(_ settings: AgentSettings, eventLoop: any EventLoop, memory: MemoryBudget, logger: Logger, handler: @escaping RPCHubAgent.Handler) {
        self.handler = handler
        desk = AgentDesk(settings, eventLoop: eventLoop, worker: self, memory: memory, logger: logger)
    }

    func begin(_ call: AgentCall, _ ticket: UInt64) {
        let request = ProtoRequest(type: call.type, content: ByteBuffer(bytes: call.content), shardingID: call.shardingID)
        tasks[ticket] = Task { [handler] in
            let outcome: Outcome
            do {
                outcome = .reply(try await handler(request))
            } catch let failure as RPCError where [.noRoute, .draining, .neverSent].contains(failure.code) {
                // Of a call that the function made itself: for its own, which it has begun, that would be untrue, and the caller would repeat it (rule S3).
                outcome = .threw("\(failure)")
            } catch let failure as RPCError {
                outcome = .failure(failure.code, failure.reason)
            } catch let exception as ThriftException {
                outcome = .failure(.remoteException, exception.description)
            } catch {
                outcome = .threw("\(error)")
            }
            post(ticket, outcome)
        }
    }

    /// Functions keep what they were given; the window bounds how many there are.
    let heldBytes = 0

    func abandoned(_ ticket: UInt64) { tasks[ticket]?.cancel() }

    /// The last call: a function that returns later finds nobody.
    func close() {
        outcomes.withLock { outcomes in
            outcomes.isClosed = true
            outcomes.ready = []
        }
    }

    /// From whatever thread: one wake-up however many there are.
    private func post(_ ticket: UInt64, _ outcome: Outcome) {
        let isFirst = outcomes.withLock { outcomes in
            guard !outcomes.isClosed else { return false }
            outcomes.ready.append((ticket, outcome))
            return outcomes.ready.count == 1
        }
        if isFirst { desk.loop.eventLoop.execute { self.tell() } }
    }

    private func tell() {
        let ready = outcomes.withLock { outcomes in
            let taken = outcomes.ready
            outcomes.ready = []
            return taken
        }
        for (ticket, outcome) in ready {
            tasks[ticket] = nil
            switch outcome {
            case .reply(let reply): desk.answer(ticket, reply)
            case .failure(let code, let reason): desk.refuse(ticket, code, reason)
            case .threw(let why):
                desk.log.event("handler", level: .error, "a handler threw: \(why)")
                desk.refuse(ticket, .internal, "the handler failed")
            }
        }
    }
}
