import Links
import Routing
import Wire

extension Grammar where T == ClosedRange<UInt16> {
    /// `7` or `100-199`, application types only.
    static var packetTypes: Grammar {
        Grammar(expected: "a packet type or a range as in 100-199") { scalar throws(Misfit) in
            let last = Int(PacketHeader.firstControlType) - 1
            let ends = scalar.text.split(separator: "-", omittingEmptySubsequences: false).map { Quantity.decimal($0) }
            guard let low = ends.first ?? nil, let high = ends.last ?? nil, ends.count <= 2 else {
                throw Misfit("\(scalar.text.quoted) is not a packet type or a range; use 0 to \(last), as in 7 or 100-199")
            }
            guard low <= high else { throw Misfit("\(scalar.text) runs backwards; use \(high)-\(low)") }
            guard high <= last else {
                let kind = high <= Int(UInt16.max) ? "reaches into the control types" : "is out of range"
                throw Misfit("\(scalar.text) \(kind); application types are 0 to \(last)")
            }
            return UInt16(low)...UInt16(high)
        }
    }
}

extension SectionReader {
    /// `7`, `100-199` or a list of those; nil if it is absent or wrong.
    func typeSet(_ key: String) -> TypeSet? {
        list(key, .packetTypes, orSingle: true).map { TypeSet($0.map(\.element)) }
    }

    /// Addresses to dial; one that stands there twice is an error, for it would be dialed twice as the same upstream.
    func peers(_ key: String) -> [Endpoint]? {
        guard let items = list(key, .peer) else { return nil }
        for (index, item) in items.enumerated() where items[..<index].contains(where: { $0.element == item.element }) {
            report.error(at: item.place, path: path(of: key), "\(item.element) stands there twice")
        }
        return items.map(\.element)
    }
}
