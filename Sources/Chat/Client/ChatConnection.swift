package import Links
import NIOCore
import NIOPosix
import Synchronization

/// A chat client's connection to a gateway: sends what is asked, and tells what comes.
package final class ChatConnection: Sendable {
    /// Something that a person is to see.
    package enum Event: Equatable, Sendable {
        /// Logged in; the greeting.
        case welcome(String)
        /// Said in the room or to this user alone.
        case said(String)
        case whispered(String)
        /// Someone came or left.
        case presence(String)
        /// The answer to a command.
        case answer(String)
        /// A packet was not delivered, and why.
        case lost(String)
        /// The gateway ended the connection, and why. The last event.
        case ended(String)
    }

    package struct CannotConnect: Error, CustomStringConvertible {
        package var description: String
    }

    /// The longest wait for the answers to what was asked before leaving.
    private static let patience = TimeAmount.seconds(5)

    /// What comes, in order; ends after ``Event/ended(_:)``, or when ``leave()`` has.
    package let events: AsyncStream<Event>
    private let channel: any Channel
    private let talk: NIOLoopBound<ChatTalk>

    private init(events: AsyncStream<Event>, channel: any Channel, talk: NIOLoopBound<ChatTalk>) {
        self.events = events
        self.channel = channel
        self.talk = talk
    }

    /// Connects and logs in; what is sent before the answer waits for it.
    /// - Throws: ``CannotConnect``.
    package static func open(_ endpoint: Endpoint, name: String) async throws -> ChatConnection {
        let (events, sink) = AsyncStream.makeStream(of: Event.self)
        // One for each address that is tried. Kept, because a gateway that refuses at once takes the handler away before the connect is over.
        let made = Mutex<[ObjectIdentifier: NIOLoopBound<ChatTalk>]>([:])
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(.seconds(5))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let talk = ChatTalk(sink, name: name)
                    made.withLock { $0[ObjectIdentifier(channel)] = NIOLoopBound(talk, eventLoop: channel.eventLoop) }
                    try channel.pipeline.syncOperations.addHandler(talk)
                }
            }
        do {
            let channel: any Channel =
                switch endpoint {
                case .host(let host, let port): try await bootstrap.connect(host: host, port: port).get()
                case .unix(let path): try await bootstrap.connect(unixDomainSocketPath: path).get()
                }
            guard let talk = made.withLock({ $0[ObjectIdentifier(channel)] }) else { throw ChannelError.ioOnClosedChannel }
            return ChatConnection(events: events, channel: channel, talk: talk)
        } catch {
            let reason =
                switch error {
                case let error as IOError: String(cString: strerror(error.errnoCode))
                case ChannelError.ioOnClosedChannel, ChannelError.alreadyClosed, ChannelError.eof: "it was closed at once"
                default: "no answer"
                }
            throw CannotConnect(description: "cannot connect to \(endpoint): \(reason); is a gateway running there?")
        }
    }

    /// Sends a packet of the chat; one that does not fit is cut to what does.
    package func send(_ type: ChatType, _ text: String) {
        channel.eventLoop.execute { self.talk.value.send(type, text) }
    }

    /// Closes when everything that was sent has been answered; ``Event/ended(_:)`` says that it was not, 5 s from here.
    package func leave() {
        channel.eventLoop.execute { self.talk.value.leave(within: ChatConnection.patience) }
    }
}

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
