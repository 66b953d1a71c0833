import Links
import Membership
import NIOCore
import Telemetry
import Wire

/// Telling senders what became of their packets (rule S1).
extension Shard {
    /// To a sender of this loop, on the link that its packet came by. What an edge sent was meant for services, and the other way round.
    func answer(_ sender: MemberLink, _ code: Code, _ header: PacketHeader, _ body: UnsafeRawPointer, _ reason: @autoclosure () -> String) {
        counters[sender.port.other].undelivered.add(code)
        sender.say(frame(code, header, body, "\(code.name): \(reason())"))
    }

    /// To a service that is known by its registration alone.
    func answer(origin: UInt64, _ code: Code, _ header: PacketHeader, _ body: UnsafeRawPointer, _ reason: String) {
        counters.edges.undelivered.add(code)
        let frame = frame(code, header, body, "\(code.name): \(reason)")
        notice(origin, frame.header.length) { frame.store(to: $0, format: .standard) }
    }

    /// To the edge that the lost packet's header names: its sender.
    func report(_ code: Code, _ header: PacketHeader, _ body: UnsafeRawPointer) {
        counters.services.undelivered.add(code)
        guard let slot = view.edges.find(header.es) else { return }
        let frame = frame(code, header, body, code.name)
        notice(view.places[slot].id, frame.header.length) { frame.store(to: $0, format: .standard) }
    }

    private func frame(_ code: Code, _ header: PacketHeader, _ body: UnsafeRawPointer, _ reason: String) -> UndeliveredFrame {
        UndeliveredFrame(code: code.rawValue, lost: header, body: UnsafeRawBufferPointer(start: body, count: header.bodyCount), reason: reason)
    }

    /// Says something to a registration's link, wherever it is; one that is gone is no loss.
    func notice(_ id: UInt64, _ count: Int, _ fill: (UnsafeMutableRawPointer) -> Void) {
        let slot = MemberID(raw: id).slot
        if peers.slot(of: id) != nil, peers[slot].loop == index {
            peers.link(of: id)?.say(count, fill)
        } else if slot < table.gauges.count, view.places[slot].id == id, view.places[slot].loop != index {
            cross(Crossing(.notice, target: id, origin: Origins.ordinary, count: count), to: Int(view.places[slot].loop), fill)
        }
    }
}
