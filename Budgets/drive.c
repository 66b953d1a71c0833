// The two ends of a measured path: an echo server, and a client that sends exactly as many messages as it is told.
//
//   drive packets|calls echo [BATCH]             echoes application packets, or answers Thrift calls with their own bodies, one write for each
//                                                read; with BATCH, one write for that many
//   drive packets|frames service PORT [BATCH]    the same, as a service or agent that dials a hub; prints `ready` when it is welcome
//   drive packets|calls|frames run PORT CONNECTIONS BURST BODY [ES]
//   drive packets crowd PORT COUNT               COUNT more services with 8 ranges each, ten with the same; prints `joined` when all are welcome,
//                                                and stays
//
// `run` opens its connections at once and then reads numbers from stdin. For each it sends that many messages (packets of type 7, framed
// binary calls of `rpc`, or REQUESTs of RPC id 7), the connections taking turns at bursts, and prints `done` when the last echo is back. On a
// connection bursts strictly alternate: BURST messages in one write, then all their echoes, in their order, then the next burst; so what the
// measured process is given is the same in every run.
// With ES the connections are edges or callers of a hub, with ids from ES on.
// All end with 1 and a line on stderr when anything else happens. `echo` prints its port first; it, `service` and `crowd` are ended by a signal.

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEADER = 28, MAX_PACKET = 65535, IN_SIZE = 1 << 20, MAX_LINKS = 16384 };
enum { FRAME = 4, CALL_HEAD = 19, CALL = 1, REPLY = 2 };  // a framed binary call of `rpc`: length, version and type, name, sequence id
enum { HELLO = 0xFF01, WELCOME = 0xFF02, PING = 0xFF04, PONG = 0xFF05, DRAIN = 0xFF06, UNDELIVERED = 0xFF07, PEERS = 0xFF0C, FIRST_CONTROL = 0xFF00 };
enum { RPC_HEAD = 32, REQUEST = 16, RPC_REPLY = 17 };  // an RPC hub's frame; its kinds below REQUEST are those of control packets
enum { EDGE = 1, SERVICE = 2, CALLER = 3, AGENT = 4 };

struct link {
    int socket;
    size_t have;           // bytes in `in`
    size_t held, packets;  // echo: bytes and messages in `out`
    size_t sent;           // run: messages of the last burst
    long expected;         // run: echoes that are still missing
    unsigned es;           // run: the edge or caller that it is, 0: none
    unsigned calls;        // run: the number of the last burst's first call
    uint8_t *in, *out;
};

static struct link links[MAX_LINKS];
static int poller;
static int is_calls, is_frames;

static void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("drive: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    exit(1);
}

static unsigned u16(const uint8_t *bytes) { return (unsigned)bytes[0] << 8 | bytes[1]; }

static void put16(uint8_t *bytes, unsigned value) {
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

static unsigned u32(const uint8_t *bytes) { return u16(bytes) << 16 | u16(bytes + 2); }

static void put32(uint8_t *bytes, unsigned value) {
    put16(bytes, value >> 16);
    put16(bytes + 2, value & 0xFFFF);
}

// Sockets are blocking: the window is small, so a write always fits what the other side is about to read.
static void write_all(int socket, const uint8_t *bytes, size_t count) {
    while (count > 0) {
        ssize_t written = send(socket, bytes, count, MSG_NOSIGNAL);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) fail("write: %s", strerror(errno));
        bytes += written;
        count -= (size_t)written;
    }
}

static struct link *open_link(int socket) {
    int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    for (struct link *link = links; link < links + MAX_LINKS; link++) {
        if (link->in) continue;
        *link = (struct link){.socket = socket, .in = malloc(IN_SIZE), .out = malloc(IN_SIZE + MAX_PACKET)};
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = link};
        if (epoll_ctl(poller, EPOLL_CTL_ADD, socket, &event) != 0) fail("epoll: %s", strerror(errno));
        return link;
    }
    fail("more than %d connections", MAX_LINKS);
    return NULL;
}

static void close_link(struct link *link) {
    close(link->socket);
    free(link->in);
    free(link->out);
    link->in = NULL;
}

// Reads what is there; 0 at the end of the stream.
static int fill(struct link *link) {
    ssize_t count = recv(link->socket, link->in + link->have, IN_SIZE - link->have, 0);
    if (count < 0 && errno != ECONNRESET) fail("read: %s", strerror(errno));
    if (count <= 0) return 0;
    link->have += (size_t)count;
    return 1;
}

// The bytes before a message's body.
static size_t head(void) { return is_calls ? CALL_HEAD : is_frames ? RPC_HEAD : HEADER; }

// What kind of packet or frame it is; those of membership have the same numbers on both wires.
static unsigned type_of(const uint8_t *message) {
    if (!is_frames) return u16(message + 2);
    return message[4] < REQUEST ? FIRST_CONTROL + message[4] : message[4];
}

static void put_type(uint8_t *message, unsigned type) {
    if (is_frames) message[4] = (uint8_t)type;
    else put16(message + 2, type);
}

static size_t length_of(const uint8_t *message) {
    if (is_calls) return FRAME + u32(message);
    return is_frames ? u32(message) : u16(message);
}

// Takes the messages that are complete off the front.
static void each_message(struct link *link, void (*take)(struct link *, uint8_t *, size_t)) {
    size_t start = 0, least = is_calls ? FRAME : head();
    while (link->have - start >= least) {
        size_t length = length_of(link->in + start);
        if (length < head() || length > MAX_PACKET) fail("not a message: length %zu", length);
        if (link->have - start < length) break;
        take(link, link->in + start, length);
        start += length;
    }
    memmove(link->in, link->in + start, link->have - start);
    link->have -= start;
}

static int dial(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int connected = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connected < 0 || connect(connected, (struct sockaddr *)&address, sizeof address) != 0) fail("connect to %d: %s", port, strerror(errno));
    return connected;
}

// --- a hub's members ---

static long welcomes;  // members that wait for theirs

// A HELLO, of cluster 1 where there are clusters, that claims `ranges` ranges of `width` types, the first from `type` on and each 8,000 types above the one before.
static void hello(int socket, int role, uint32_t node, unsigned ranges, uint32_t type, uint32_t width) {
    uint8_t packet[512] = {0}, *body = packet + head();
    size_t length = head() + 25 + ranges * 8;  // an empty token and an empty name behind the claims
    if (is_frames) put32(packet, (unsigned)length);
    else put16(packet, (unsigned)length);
    put_type(packet, HELLO);
    body[0] = 1;
    body[1] = (uint8_t)role;
    put32(body + 4, is_frames ? 0 : 1);
    put32(body + 12, node);
    put16(body + 20, ranges);
    for (unsigned range = 0; range < ranges; range++) {
        put32(body + 22 + range * 8, type + range * 8000);
        put32(body + 26 + range * 8, type + range * 8000 + width - 1);
    }
    write_all(socket, packet, length);
    welcomes++;
}

static int is_for_members(struct link *link, uint8_t *packet, size_t length) {
    unsigned type = type_of(packet);
    if (type == PING) {
        put_type(packet, PONG);
        write_all(link->socket, packet, length);
    } else if (type == WELCOME) {
        welcomes--;
    } else if (type != PEERS) {
        return 0;
    }
    return 1;
}

// --- echo ---

static size_t batch;  // 0: what one read brought
static int listener;

static void flush(struct link *link) {
    write_all(link->socket, link->out, link->held);
    link->held = link->packets = 0;
}

static void answer_call(struct link *link, uint8_t *call, size_t length) {
    uint8_t *out = link->out + link->held;
    if (call[7] != CALL) fail("a message of type %d instead of a call", call[7]);
    memcpy(out, call, length);
    out[7] = REPLY;
    link->held += length;
    link->packets++;
    if (link->packets == batch || link->held > IN_SIZE / 2) flush(link);
}

static void answer(struct link *link, uint8_t *packet, size_t length) {
    unsigned type = type_of(packet);
    if (type == WELCOME) {
        puts("ready");
        fflush(stdout);
    }
    if (type >= FIRST_CONTROL && type != PING && type != DRAIN) return;
    uint8_t *out = link->out + link->held;
    memcpy(out, packet, length);
    link->held += length;
    if (type == PING) put_type(out, PONG);
    if (type == REQUEST) put_type(out, RPC_REPLY);  // the 12 bytes before the content mean something else then
    if (type == DRAIN) memset(out + head(), 0, length - head());
    if (type < FIRST_CONTROL) link->packets++;
    if (type >= FIRST_CONTROL || link->packets == batch || link->held > IN_SIZE / 2) flush(link);
}

static void serve(void) {
    struct epoll_event event;
    for (;;) {
        if (epoll_wait(poller, &event, 1, -1) != 1) continue;
        struct link *link = event.data.ptr;
        if (!link) {
            int accepted = accept(listener, NULL, NULL);
            if (accepted >= 0) open_link(accepted);
        } else if (fill(link)) {
            each_message(link, is_calls ? answer_call : answer);
            if (batch == 0) flush(link);
        } else {
            close_link(link);
        }
    }
}

static void echo(void) {
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 128) != 0) fail("listen: %s", strerror(errno));
    getsockname(listener, (struct sockaddr *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    serve();
}

static void service(int port) {
    struct link *link = open_link(dial(port));
    hello(link->socket, is_frames ? AGENT : SERVICE, 1, 1, 7, 1);
    serve();
}

// --- run ---

static uint8_t *burst;  // ready to be sent
static size_t burst_packets, packet_size;
static long unsent, missing;

static void send_burst(struct link *link) {
    size_t packets = unsent < (long)burst_packets ? (size_t)unsent : burst_packets;
    if (packets == 0) return;
    link->calls += (unsigned)link->sent;
    for (size_t index = 0; link->es && index < packets; index++) {
        uint8_t *message = burst + index * packet_size;
        put32(message + (is_frames ? 20 : 16), link->es);
        put32(message + (is_frames ? 28 : 24), is_frames ? link->calls + (unsigned)index : link->es);
    }
    write_all(link->socket, burst, packets * packet_size);
    link->sent = packets;
    link->expected = (long)packets;
    unsent -= (long)packets;
}

static void take_echo(struct link *link, uint8_t *packet, size_t length) {
    if (is_for_members(link, packet, length)) return;
    unsigned type = type_of(packet);
    if (type == UNDELIVERED && length >= head() + 2) fail("UNDELIVERED, code %u", u16(packet + head()));
    if (type >= FIRST_CONTROL) fail("control packet %#x", type);
    if (length != packet_size || memcmp(packet + head(), burst + head(), length - head()) != 0) fail("an echo of %zu bytes that differs", length);
    if (link->expected == 0) fail("an echo of nothing");
    if (is_frames && (type != RPC_REPLY || u32(packet + 20) != link->es || u32(packet + 28) != link->calls + link->sent - (size_t)link->expected))
        fail("frame of kind %u for caller %u, call %u: not the next answer", type, u32(packet + 20), u32(packet + 28));
    missing--;
    if (--link->expected == 0) send_burst(link);
}

static void take_reply(struct link *link, uint8_t *reply, size_t length) {
    if (reply[7] != REPLY) fail("a message of type %d instead of a reply", reply[7]);
    if (link->expected == 0) fail("an answer to nothing");
    size_t index = link->sent - (size_t)link->expected;
    if (length != packet_size || u32(reply + 15) != index) fail("answer %u of %zu bytes; expected %zu", u32(reply + 15), length, index);
    if (memcmp(reply + CALL_HEAD, burst + CALL_HEAD, length - CALL_HEAD) != 0) fail("an answer that differs");
    missing--;
    if (--link->expected == 0) send_burst(link);
}

// One message of `packet_size` bytes: a packet, or the burst's call of that index.
static void make(uint8_t *message, size_t index) {
    if (is_calls) {
        put32(message, (unsigned)(packet_size - FRAME));
        put32(message + 4, 0x80010000 | CALL);
        put32(message + 8, 3);
        memcpy(message + 12, "rpc", 3);
        put32(message + 15, (unsigned)index);
    } else if (is_frames) {
        put32(message, (unsigned)packet_size);
        put_type(message, REQUEST);
        put32(message + 8, 7);
        memset(message + RPC_HEAD + 12, 'x', packet_size - RPC_HEAD - 12);  // behind a type and a sharding id of 0
    } else {
        put16(message, (unsigned)packet_size);
        put16(message + 2, 7);
        memset(message + HEADER, 'x', packet_size - HEADER);
    }
}

// Handles what one link has sent.
static void take_turn(void (*take)(struct link *, uint8_t *, size_t)) {
    struct epoll_event event;
    if (epoll_wait(poller, &event, 1, -1) != 1) return;
    struct link *link = event.data.ptr;
    if (!fill(link)) fail("closed with %ld echoes missing", missing);
    each_message(link, take);
}

static void run(int port, int connections, size_t packets, size_t body, unsigned es) {
    packet_size = head() + body;
    burst_packets = packets;
    if (is_frames && body < 12) fail("a call of at least 12 bytes");
    if (packet_size > MAX_PACKET || packets * packet_size > IN_SIZE / 2) fail("a burst of at most %d bytes", IN_SIZE / 2);
    burst = calloc(packets, packet_size);
    for (size_t index = 0; index < packets; index++) make(burst + index * packet_size, index);
    for (int index = 0; index < connections; index++) {
        struct link *link = open_link(dial(port));
        if (es == 0) continue;
        link->es = es + (unsigned)index;
        link->calls = 1;
        hello(link->socket, is_frames ? CALLER : EDGE, link->es, 0, 0, 0);
    }
    void (*take)(struct link *, uint8_t *, size_t) = is_calls ? take_reply : take_echo;
    while (welcomes > 0) take_turn(take);
    char line[32];
    while (fgets(line, sizeof line, stdin)) {
        unsent = missing = atol(line);
        for (int index = 0; index < connections; index++) send_burst(&links[index]);
        while (missing > 0) take_turn(take);
        puts("done");
        fflush(stdout);
    }
}

// --- crowd ---

static void take_silently(struct link *link, uint8_t *packet, size_t length) {
    if (!is_for_members(link, packet, length)) fail("a packet of type %#x, code %u", u16(packet + 2), length >= HEADER + 2 ? u16(packet + HEADER) : 0);
}

// Ten services each serve the same 8 ranges of 8 types, none of which the measured packets carry. A hub gives each connection 5 s to say
// HELLO, so they come in groups that even a slow one handles in that time.
static void crowd(int port, int count) {
    enum { GROUP = 250 };
    for (int first = 0; first < count; first += GROUP) {
        for (int index = first; index < count && index < first + GROUP; index++) {
            struct link *link = open_link(dial(port));
            hello(link->socket, SERVICE, (uint32_t)(1000 + index), 8, (uint32_t)(100 + index / 10 * 8 % 7800), 8);
        }
        while (welcomes > 0) take_turn(take_silently);
    }
    puts("joined");
    fflush(stdout);
    for (;;) take_turn(take_silently);
}

int main(int count, char **arguments) {
    poller = epoll_create1(EPOLL_CLOEXEC);
    const char *job = count > 2 ? arguments[2] : "";
    is_calls = count > 1 && strcmp(arguments[1], "calls") == 0;
    is_frames = count > 1 && strcmp(arguments[1], "frames") == 0;
    long number[8] = {0};
    for (int index = 3; index < count && index < 8; index++) number[index] = atol(arguments[index]);
    if (strcmp(job, "echo") == 0) {
        batch = (size_t)number[3];
        echo();
    } else if (strcmp(job, "service") == 0 && count >= 4) {
        batch = (size_t)number[4];
        service((int)number[3]);
    } else if (strcmp(job, "run") == 0 && (count == 7 || count == 8)) {
        run((int)number[3], (int)number[4], (size_t)number[5], (size_t)number[6], (unsigned)number[7]);
    } else if (strcmp(job, "crowd") == 0 && count == 5) {
        crowd((int)number[3], (int)number[4]);
    } else {
        fputs("usage: drive packets|calls|frames echo [BATCH] | run PORT CONNECTIONS BURST BODY [ES] | service PORT [BATCH] | crowd PORT COUNT\n", stderr);
        return 64;
    }
    return 0;
}
