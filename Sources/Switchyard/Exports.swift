@_exported public import Wire

@_exported public import enum Links.Endpoint
// What a program that imports the library names in its own code: packets and codes, endpoints and limits, and the buffer type of a body.
@_exported public import class Links.MemoryBudget
@_exported public import struct NIOCore.ByteBuffer
@_exported public import struct NIOCore.TimeAmount
@_exported public import struct Routing.TypeSet
@_exported public import struct Sessions.ClientLimits
