#if os(Linux)
    import Glibc
    package import NIOCore

    extension SocketChannel {
        /// Connects within `timeout`. `fill` fills the pipeline, on the loop, before the attempt. The future has the channel when it stands, right
        /// before its pipeline hears that it is active; it fails with an `IOError` or `ChannelError.connectTimeout`.
        package static func connect(
            to address: SocketAddress, on reactor: Reactor, timeout: TimeAmount, fill: @escaping @Sendable (any Channel) throws -> Void
        ) -> EventLoopFuture<any Channel> {
            reactor.flatSubmit {
                let channel: SocketChannel
                do {
                    channel = SocketChannel(try address.makeSocket(), on: reactor, remote: address)
                } catch {
                    return reactor.makeFailedFuture(error)
                }
                do {
                    try fill(channel)
                } catch {
                    channel.close0(error: error, mode: .all, promise: nil)
                    return reactor.makeFailedFuture(error)
                }
                let connected = reactor.makePromise(of: Void.self)
                let limit = reactor.scheduleTask(in: timeout) {
                    guard channel.state == .connecting else { return }
                    channel.close0(error: ChannelError.connectTimeout(timeout), mode: .all, promise: nil)
                }
                connected.futureResult.whenComplete { _ in limit.cancel() }
                let result = connected.futureResult.map { channel as any Channel }
                channel.connect0(to: address, promise: connected)
                return result
            }
        }
    }
#endif
