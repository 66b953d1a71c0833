// Lets valgrind run a Swift program with an asynchronous main.
//
//   cc -O2 -shared -fPIC -o sigsuspend.so sigsuspend.c
//   LD_PRELOAD=./sigsuspend.so valgrind ... program
//
// The main thread of such a program waits in sigsuspend with a mask in read-only memory. Valgrind before 3.21 writes into that mask
// and dies of it; here it gets a copy.

#define _GNU_SOURCE
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

int sigsuspend(const sigset_t *mask) {
    sigset_t copy = *mask;
    return (int)syscall(SYS_rt_sigsuspend, &copy, 8);  // the kernel's mask has 64 bits
}
