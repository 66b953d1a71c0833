// The two ends of a measured packet path: an echo server, and a client that sends exactly as many packets as it is told.
//
//   drive echo [BATCH]                  echoes application packets, one write for each read; with BATCH, one write for that many
//   drive run PORT CONNECTIONS BURST BODY
//
// `run` opens its connections at once and then reads numbers from stdin. For each it sends that many packets of type 7, the connections
// taking turns at bursts, and prints `done` when the last echo is back. On a connection bursts strictly alternate: BURST packets
// in one write, then all their echoes, then the next burst; so what the measured process is given is the same in every run.
// Both end with 1 and a line on stderr when anything else happens. `echo` prints its port first, and is ended by a signal.

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

enum { HEADER = 28, MAX_PACKET = 65535, IN_SIZE = 1 << 20, MAX_LINKS = 1024 };
enum { PING = 0xFF04, PONG = 0xFF05, DRAIN = 0xFF06, UNDELIVERED = 0xFF07, FIRST_CONTROL = 0xFF00 };

struct link {
    int socket;
    size_t have;           // bytes in `in`
    size_t held, packets;  // echo: bytes and application packets in `out`
    long expected;         // run: echoes that are still missing
    uint8_t *in, *out;
};

static struct link links[MAX_LINKS];
static int poller;

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

// Takes the packets that are complete off the front.
static void each_packet(struct link *link, void (*take)(struct link *, uint8_t *, size_t)) {
    size_t start = 0;
    while (link->have - start >= HEADER) {
        size_t length = u16(link->in + start);
        if (length < HEADER) fail("not a packet: length %zu", length);
        if (link->have - start < length) break;
        take(link, link->in + start, length);
        start += length;
    }
    memmove(link->in, link->in + start, link->have - start);
    link->have -= start;
}

// --- echo ---

static size_t batch;  // 0: what one read brought

static void flush(struct link *link) {
    write_all(link->socket, link->out, link->held);
    link->held = link->packets = 0;
}

static void answer(struct link *link, uint8_t *packet, size_t length) {
    unsigned type = u16(packet + 2);
    if (type >= FIRST_CONTROL && type != PING && type != DRAIN) return;
    uint8_t *out = link->out + link->held;
    memcpy(out, packet, length);
    link->held += length;
    if (type == PING) put16(out + 2, PONG);
    if (type == DRAIN) memset(out + HEADER, 0, length - HEADER);
    if (type < FIRST_CONTROL) link->packets++;
    if (type >= FIRST_CONTROL || link->packets == batch || link->held > IN_SIZE / 2) flush(link);
}

static void echo(void) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 128) != 0) fail("listen: %s", strerror(errno));
    getsockname(listener, (struct sockaddr *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        if (epoll_wait(poller, &event, 1, -1) != 1) continue;
        struct link *link = event.data.ptr;
        if (!link) {
            int accepted = accept(listener, NULL, NULL);
            if (accepted >= 0) open_link(accepted);
        } else if (fill(link)) {
            each_packet(link, answer);
            if (batch == 0) flush(link);
        } else {
            close_link(link);
        }
    }
}

// --- run ---

static uint8_t *burst;  // ready to be sent
static size_t burst_packets, packet_size;
static long unsent, missing;

static void send_burst(struct link *link) {
    size_t packets = unsent < (long)burst_packets ? (size_t)unsent : burst_packets;
    if (packets == 0) return;
    write_all(link->socket, burst, packets * packet_size);
    link->expected = (long)packets;
    unsent -= (long)packets;
}

static void take_echo(struct link *link, uint8_t *packet, size_t length) {
    unsigned type = u16(packet + 2);
    if (type == PING) {
        put16(packet + 2, PONG);
        write_all(link->socket, packet, length);
        return;
    }
    if (type == UNDELIVERED && length >= HEADER + 2) fail("UNDELIVERED, code %u", u16(packet + HEADER));
    if (type >= FIRST_CONTROL) fail("control packet %#x", type);
    if (length != packet_size || memcmp(packet + HEADER, burst + HEADER, length - HEADER) != 0) fail("an echo of %zu bytes that differs", length);
    if (link->expected == 0) fail("an echo of nothing");
    missing--;
    if (--link->expected == 0) send_burst(link);
}

static void run(int port, int connections, size_t packets, size_t body) {
    packet_size = HEADER + body;
    burst_packets = packets;
    if (packet_size > MAX_PACKET || packets * packet_size > IN_SIZE / 2) fail("a burst of at most %d bytes", IN_SIZE / 2);
    burst = calloc(packets, packet_size);
    for (size_t index = 0; index < packets; index++) {
        uint8_t *packet = burst + index * packet_size;
        put16(packet, (unsigned)packet_size);
        put16(packet + 2, 7);
        memset(packet + HEADER, 'x', body);
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int index = 0; index < connections; index++) {
        int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(client, (struct sockaddr *)&address, sizeof address) != 0) fail("connect to %d: %s", port, strerror(errno));
        open_link(client);
    }
    char line[32];
    while (fgets(line, sizeof line, stdin)) {
        unsent = missing = atol(line);
        for (int index = 0; index < connections; index++) send_burst(&links[index]);
        while (missing > 0) {
            struct epoll_event event;
            if (epoll_wait(poller, &event, 1, -1) != 1) continue;
            struct link *link = event.data.ptr;
            if (!fill(link)) fail("closed with %ld echoes missing", missing);
            each_packet(link, take_echo);
        }
        puts("done");
        fflush(stdout);
    }
}

int main(int count, char **arguments) {
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (count >= 2 && strcmp(arguments[1], "echo") == 0) {
        if (count > 2) batch = (size_t)atol(arguments[2]);
        echo();
    } else if (count == 6 && strcmp(arguments[1], "run") == 0) {
        run(atoi(arguments[2]), atoi(arguments[3]), (size_t)atol(arguments[4]), (size_t)atol(arguments[5]));
    } else {
        fputs("usage: drive echo [BATCH] | drive run PORT CONNECTIONS BURST BODY\n", stderr);
        return 64;
    }
    return 0;
}
