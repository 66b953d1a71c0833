#if os(Linux)
    import Glibc
    package import NIOCore

    extension SocketChannel {
        package func setOption<Option: ChannelOption>(_ option: Option, value: Option.Value) -> EventLoopFuture<Void> {
            eventLoop.submit { try self.set(option, value) }
        }

        package func getOption<Option: ChannelOption>(_ option: Option) -> EventLoopFuture<Option.Value> {
            eventLoop.submit { try self.get(option) }
        }

        package var syncOptions: (any NIOSynchronousChannelOptions)? { Options(channel: self) }

        private struct Options: NIOSynchronousChannelOptions {
            let channel: SocketChannel
            func setOption<Option: ChannelOption>(_ option: Option, value: Option.Value) throws { try channel.set(option, value) }
            func getOption<Option: ChannelOption>(_ option: Option) throws -> Option.Value { try channel.get(option) }
        }

        private func set<Option: ChannelOption>(_ option: Option, _ value: Option.Value) throws {
            switch (option, value) {
            case (let option as ChannelOptions.Types.SocketOption, var value as SocketOptionValue):
                let size = socklen_t(MemoryLayout<SocketOptionValue>.size)
                guard setsockopt(descriptor, option.optionLevel.rawValue, option.optionName.rawValue, &value, size) == 0 else {
                    throw IOError(errnoCode: errno, reason: "setsockopt")
                }
            case (_ as ChannelOptions.Types.AutoReadOption, let value as Bool): setReading(value)
            case (_ as ChannelOptions.Types.AllowRemoteHalfClosureOption, let value as Bool): allowsHalfClosure = value
            // Its water mark is the first byte, and it reads into what the reactor has.
            case (_ as ChannelOptions.Types.WriteBufferWaterMarkOption, _), (_ as ChannelOptions.Types.RecvAllocatorOption, _): break
            default: throw ChannelError.operationUnsupported
            }
        }

        /// What handlers ask for: TLS goes by these two.
        private func get<Option: ChannelOption>(_ option: Option) throws -> Option.Value {
            let value: Any? =
                switch option {
                case _ as ChannelOptions.Types.AutoReadOption: autoRead
                case _ as ChannelOptions.Types.AllowRemoteHalfClosureOption: allowsHalfClosure
                default: nil
                }
            guard let value = value as? Option.Value else { throw ChannelError.operationUnsupported }
            return value
        }
    }
#endif
