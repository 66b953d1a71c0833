import Foundation
import Synchronization

/// Work on a thread of its own, whose result the test collects.
final class InBackground<Value: Sendable>: Sendable {
    private let result = Mutex<Result<Value, any Error>?>(nil)

    init(_ work: @escaping @Sendable () throws -> Value) {
        Thread.detachNewThread { [self] in
            let outcome = Result { try work() }
            result.withLock { $0 = outcome }
        }
    }

    var isDone: Bool { result.withLock { $0 != nil } }

    func value(within limit: Duration = .seconds(30)) throws -> Value {
        try obtain("a background job ends", within: limit) { try result.withLock { try $0?.get() } }
    }
}
