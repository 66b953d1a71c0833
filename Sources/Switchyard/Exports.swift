// What a program that imports the library names in its own code: packets and codes; endpoints, who may connect to them, and TLS; limits; and
// the buffer type of a body.
@_exported public import Wire

@_exported public import struct Links.AddressRange
@_exported public import struct Links.DialerTLS
@_exported public import enum Links.Endpoint
@_exported public import enum Links.EventLoops
@_exported public import struct Links.ListenerOptions
@_exported public import struct Links.ListenerTLS
@_exported public import class Links.MemoryBudget
@_exported public import struct Links.TLSFileError
@_exported public import struct NIOCore.ByteBuffer
@_exported public import struct NIOCore.TimeAmount
@_exported public import struct RPCLink.AgentSettings
@_exported public import struct RPCLink.CallerSettings
@_exported public import enum Routing.Balance
@_exported public import struct Routing.TypeSet
@_exported public import struct Sessions.ClientLimits
@_exported public import struct Telemetry.RoleStatus
@_exported public import struct Telemetry.Sample
