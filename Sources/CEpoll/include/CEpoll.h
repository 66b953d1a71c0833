// What Linux offers for waiting on descriptors; Swift's Glibc and Musl modules leave these headers out.
#ifndef SWITCHYARD_CEPOLL_H
#define SWITCHYARD_CEPOLL_H

#ifdef __linux__
#include <pthread.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

// Events as numbers: Swift imports the enumeration as a type of its own.
static const uint32_t switchyard_in = EPOLLIN;
static const uint32_t switchyard_pri = EPOLLPRI;
static const uint32_t switchyard_out = EPOLLOUT;
static const uint32_t switchyard_err = EPOLLERR;
static const uint32_t switchyard_hup = EPOLLHUP;
static const uint32_t switchyard_rdhup = EPOLLRDHUP;
static const uint32_t switchyard_et = EPOLLET;

static inline int switchyard_epoll(void) { return epoll_create1(EPOLL_CLOEXEC); }
static inline int switchyard_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }
static inline int switchyard_timerfd(void) { return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK); }

// The C library's own are points at which a thread may be cancelled, which costs two locked instructions each.
static inline ssize_t switchyard_recv(int socket, void *bytes, size_t count) {
    return syscall(SYS_recvfrom, socket, bytes, count, 0L, (void *)0, (void *)0);
}
static inline ssize_t switchyard_send(int socket, const void *bytes, size_t count) {
    return syscall(SYS_sendto, socket, bytes, count, (long)MSG_NOSIGNAL, (void *)0, 0L);
}

// Lets a timer ring once, at a time of the monotonic clock. Told as what is left until then: tools that set a process's date take a time for a date.
static inline int switchyard_timerfd_set(int timer, uint64_t nanoseconds) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t past = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
    uint64_t left = nanoseconds > past ? nanoseconds - past : 1;
    struct itimerspec in = {.it_value = {.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000}};
    return timerfd_settime(timer, 0, &in, 0);
}

// Declared with _GNU_SOURCE alone, which a module cannot set for the headers of others.
extern int accept4(int, struct sockaddr *, socklen_t *, int);

extern int pthread_setname_np(pthread_t, const char *);

// The processors that the process's first thread may run on; 0 when the system does not say.
static inline int switchyard_affinity(void) {
    unsigned long mask[128];
    long bytes = syscall(SYS_sched_getaffinity, (long)getpid(), sizeof mask, mask);
    int count = 0;
    for (long index = 0; index < bytes / (long)sizeof mask[0]; index++) count += __builtin_popcountl(mask[index]);
    return count;
}

static inline void switchyard_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

static inline int switchyard_accept(int listener, struct sockaddr *address, socklen_t *size) {
    return accept4(listener, address, size, SOCK_NONBLOCK | SOCK_CLOEXEC);
}
#endif

#endif
