import Links
import Logging
import NIOCore
import Routing
import Telemetry
import ThriftLink
import Wire

/// One event loop's part of an ``RPCServer``: finds the function of a call, starts it, and gives its answer to the caller.
///
/// `@unchecked Sendable`: confined to ``loop``'s event loop.
final class RPCServerLoop: ThriftCallHandler, @unchecked Sendable {
    let loop: LinkLoop
    private let methods: RPCMethods
    private let order: RPCOrder
    private let lanes: Lanes
    private let log: EventLog
    // Guard: set once in `init`.
    private var answers: ValueBox<RPCAnswer>!
    private var jobs = Slab<RPCJob>(.wide)
    /// One buffer for the calls of inline handlers; used again whenever nobody has kept it.
    private var scratch = ByteBuffer()
    /// The time for leaving is over: no handler is called any more.
    private var isCut = false
    /// By the methods' numbers.
    private var counters: [CallCounters]
    /// Calls of methods that nobody registered.
    private var unknown = 0
    private var whenQuiet: EventLoopPromise<Void>?

    init(eventLoop: any EventLoop, methods: RPCMethods, order: RPCOrder, lanes: Lanes, logger: Logger) {
        loop = LinkLoop(eventLoop: eventLoop)
        self.methods = methods
        counters = methods.names.map { _ in CallCounters() }
        self.order = order
        self.lanes = lanes
        log = EventLog(logger)
        answers = ValueBox(eventLoop: eventLoop) { [weak self] in self?.receive($0) }
        lanes.register(answers)
        loop.turnStarted = { [answers] in answers?.turnStarted() }
        loop.turnEnding = { [answers] in answers?.collect() }
        loop.turnEnded = { [answers] in answers?.turnEnded() }
    }

    // MARK: - Calls come in

    func call(_ call: ThriftCall, from connection: ThriftConnection) {
        guard let method = methods.find(call.name) else {
            unknown += 1
            return refuse(call, connection, .noRoute, "there is no method \(text(call.name))")
        }
        guard !isCut else {
            counters[method].failed.add(.draining)
            return refuse(call, connection, .draining, "the server is stopping")
        }
        switch methods[method] {
        case .inline(let handler): answerInline(call, connection, method, handler)
        case .typed(let handler):
            let bytes = call.keptBytes()
            guard let request = request(bytes, call, connection, method) else { return }
            start(call, connection, method, bytes.readableBytes, key: request.shardingID) { .reply(try await handler(request)) }
        case .raw(let handler): startRaw(call, connection, method, handler)
        }
    }

    /// The arguments of a call; nil when they are malformed, and then the caller knows.
    private func request(_ bytes: ByteBuffer, _ call: ThriftCall, _ connection: ThriftConnection, _ method: Int) -> ProtoRequest? {
        do {
            return try ThriftBody.arguments(bytes, body: call.head.body, encoding: call.encoding)
        } catch {
            counters[method].failed.add(.badRequest)
            // Its connection closes behind the answer.
            if error == .tooDeep { connection.breakOff(error) }
            refuse(call, connection, .badRequest, error.description)
        }
        return nil
    }

    private func answerInline(_ call: ThriftCall, _ connection: ThriftConnection, _ method: Int, _ handler: RPCInlineHandler) {
        scratch.clear()
        if let shared = call.sharedBytes { scratch = shared } else { scratch.writeBytes(call.bytes) }
        guard let request = request(scratch, call, connection, method) else { return }
        do {
            let reply = try handler(request)
            counters[method].ok += 1
            if !call.isOneway { connection.answer(call.ticket, reply) }
        } catch {
            give(RPCAnswer.Outcome(thrown: error), to: connection, ticket: call.ticket, call.encoding, method)
        }
        if scratch.capacity > BlockPool.largest { scratch = ByteBuffer() }
    }

    private func startRaw(_ call: ThriftCall, _ connection: ThriftConnection, _ method: Int, _ handler: @escaping RPCRawHandler) {
        let bytes = call.keptBytes()
        let raw = RPCRawCall(
            method: text(call.name), isOneway: call.isOneway, protocol: call.encoding == .compact ? .compact : .binary,
            arguments: bytes.getSlice(at: bytes.readerIndex + call.head.body.lowerBound, length: call.head.body.count) ?? ByteBuffer())
        var key: Int64 = 0
        if order == .shardingID { key = ThriftBody.shardingID(call.bytes, body: call.head.body, encoding: call.encoding) ?? 0 }
        start(call, connection, method, bytes.readableBytes, key: key) { .raw(try await handler(raw)) }
    }

    /// Begins a call on the handlers' threads, or puts it into its lane.
    private func start(
        _ call: ThriftCall, _ connection: ThriftConnection, _ method: Int, _ bytes: Int, key: Int64, _ work: @escaping RPCJob.Work
    ) {
        let job = RPCJob(
            connection: connection, ticket: call.ticket, encoding: call.encoding, method: method, started: loop.now, bytes: bytes)
        guard let number = jobs.insert(job) else {
            counters[method].failed.add(.busy)
            return refuse(call, connection, .busy, "no place for another open call")
        }
        counters[method].inFlight += 1
        connection.handlerBegan(bytes, isOneway: call.isOneway)
        let answers: ValueBox<RPCAnswer> = answers
        if order == .shardingID, key != 0 {
            let item = LaneItem.call { isStopped in
                let stopped = RPCAnswer.Outcome.exception(ThriftException(.draining, "the server is stopping"))
                answers.put(RPCAnswer(job: number, outcome: isStopped ? stopped : await RPCAnswer.Outcome(of: work)))
            }
            if !lanes.append(item, key: UInt64(bitPattern: key)) {
                finish(number, .exception(ThriftException(.busy, "the lane of sharding_id \(key) is full")))
            }
        } else {
            jobs[number]?.task = Task(executorPreference: lanes.threads) { [lanes] in
                answers.put(RPCAnswer(job: number, outcome: await RPCAnswer.Outcome(of: work)))
                // A task does not hold its executor.
                withExtendedLifetime(lanes) {}
            }
        }
    }

    private func refuse(_ call: ThriftCall, _ connection: ThriftConnection, _ code: Code, _ reason: String) {
        if !call.isOneway { connection.answer(call.ticket, ThriftException(code, reason)) }
    }

    private func text(_ name: UnsafeRawBufferPointer) -> String { String(decoding: name.prefix(100), as: UTF8.self) }

    /// Its calls run on: a handler has begun what it has begun, and its answer finds nobody.
    func connectionClosed(_: ThriftConnection) {}

    // MARK: - Answers

    private func receive(_ answers: [RPCAnswer]) {
        loop.enterTurn()
        for answer in answers { finish(answer.job, answer.outcome) }
    }

    private func finish(_ number: UInt64, _ outcome: RPCAnswer.Outcome) {
        // After a cut the caller has had its answer.
        guard let job = jobs.remove(number) else { return }
        ended(job)
        give(outcome, to: job.connection, ticket: job.ticket, job.encoding, job.method)
        job.connection.handlerEnded(job.bytes, isOneway: job.ticket == 0)
        settleIfQuiet()
    }

    private func ended(_ job: RPCJob) {
        counters[job.method].inFlight -= 1
        counters[job.method].seconds.add(nanoseconds: (loop.now - job.started).nanoseconds)
    }

    private func give(
        _ outcome: RPCAnswer.Outcome, to connection: ThriftConnection, ticket: UInt64, _ encoding: ThriftEncoding, _ method: Int
    ) {
        switch outcome {
        case .reply(let reply):
            counters[method].ok += 1
            connection.answer(ticket, reply)
        case .raw(let result):
            counters[method].ok += 1
            answerRaw(result, to: connection, ticket: ticket, encoding)
        case .exception(let exception):
            counters[method].exceptions += 1
            connection.answer(ticket, exception)
        case .failed(let why):
            counters[method].failed.add(.internal)
            log.event("handler", level: .error, "a handler threw: \(why)")
            connection.answer(ticket, ThriftException(.internal, "the handler failed"))
        }
    }

    /// What a raw handler returned is one structure, or the stream behind it would mean nothing; so it is looked through.
    private func answerRaw(_ result: ByteBuffer, to connection: ThriftConnection, ticket: UInt64, _ encoding: ThriftEncoding) {
        let result = result.readableBytes == 0 ? ByteBuffer(bytes: [0]) : result
        let shared = result.readableBytes > BlockPool.largest ? result : nil
        result.withUnsafeReadableBytes { body in
            if let error = ThriftBody.fault(inStructure: body, encoding: encoding) {
                log.event("handler", level: .error, "a raw handler returned no structure in the protocol of its call: \(error.description)")
                connection.answer(ticket, ThriftException(.internal, "the handler failed"))
            } else {
                connection.answer(ticket, ThriftAnswer(.reply, encoding: encoding, body: body, shared: shared))
            }
        }
    }

    // MARK: - Inspection

    /// What it tells about its calls, by the methods' names.
    func samples(role: String) -> [Sample] {
        let unknown = self.unknown > 0 ? [Sample(.calls, role, "none", "noRoute", value: self.unknown)] : []
        return zip(methods.names, counters).flatMap { $1.samples(role: role, route: $0) } + unknown
    }

    // MARK: - Leaving (rule S25)

    /// Done when no handler works any more.
    func quiet() -> EventLoopFuture<Void> {
        let promise = loop.eventLoop.makePromise(of: Void.self)
        whenQuiet = promise
        settleIfQuiet()
        return promise.futureResult
    }

    private func settleIfQuiet() {
        guard jobs.count == 0, let whenQuiet else { return }
        self.whenQuiet = nil
        whenQuiet.succeed(())
    }

    /// The time for leaving is over: handlers are cancelled, and who waits for one is told that its answer is lost.
    func cut() {
        isCut = true
        loop.enterTurn()
        var left: [RPCJob] = []
        jobs.removeAll { left.append($1) }
        for job in left {
            job.task?.cancel()
            ended(job)
            counters[job.method].failed.add(.lost)
            job.connection.answer(job.ticket, ThriftException(.lost, "the server stopped before the handler had answered"))
            job.connection.handlerEnded(job.bytes, isOneway: job.ticket == 0)
        }
        settleIfQuiet()
    }

    /// The last call: from here on the loop does not know it.
    func close() {
        loop.turnStarted = nil
        loop.turnEnding = nil
        loop.turnEnded = nil
        lanes.unregister(answers)
        answers.close()
    }
}
