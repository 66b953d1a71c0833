import Links
import NIOCore
import Synchronization

/// How a loop learns of connections and of what becomes of them.
extension Shard {
    /// Every loop is told of every connection, in the same order.
    func add(_ trunk: Trunk) -> Connection {
        let connection = Connection(trunk: trunk, route: routes[trunk.route])
        connections.append(connection)
        if trunk.loop == index { owned.append(connection) }
        return connection
    }

    /// A connection came up, drains, or is gone.
    func connectionChanged(_ id: Int, to state: Connection.State) {
        loop.enterTurn()
        let connection = connections[id]
        connection.route.update(connection, to: state)
        if state == .up {
            releaseWaiting(connection.route)
        } else {
            // Whoever was not read because of it goes elsewhere now, or is told at once.
            resumeClients(of: connection)
        }
    }

    /// Answers the owner behind everything that this loop has for the connection.
    func confirmStopped(_ id: Int) {
        let owner = connections[id].trunk.loop
        if owner == index {
            connections[id].upstream?.loopStopped()
        } else {
            cross(Crossing(.stopped, target: UInt64(id), count: 0), to: owner)
        }
    }

    /// A connection's queue has gone down: its clients are read again, on every loop that has stopped reading some.
    func wakeWaiters(of connection: Connection) {
        resumeClients(of: connection)
        connection.trunk.queued.store(connection.link?.queued ?? 0, ordering: .sequentiallyConsistent)
        let waiters = connection.trunk.waiters.exchange(0, ordering: .sequentiallyConsistent)
        guard waiters != 0 else { return }
        let id = connection.id
        for shard in shards where waiters & (1 << UInt64(shard.index)) != 0 {
            shard.loop.eventLoop.execute { shard.resumeClients(of: shard.connections[id]) }
        }
    }
}
