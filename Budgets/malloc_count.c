// Counts a process's allocations where another process can read them at any time.
//
//   cc -O2 -shared -fPIC -o malloc_count.so malloc_count.c
//   MALLOC_COUNT_FILE=counts LD_PRELOAD=./malloc_count.so program
//
// The file holds three 64-bit numbers in the machine's byte order: allocations (malloc, calloc, realloc, posix_memalign,
// aligned_alloc, memalign), frees, and bytes asked for. They only grow; reading them before and after a piece of work gives its cost.
//
// The real functions are taken under the names by which glibc exports them besides the public ones. So nothing has to be
// looked up with dlsym, which itself allocates, and nothing here allocates.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

struct counts {
    _Atomic uint64_t allocations, frees, bytes;
};

static struct counts early;  // until the file is there
static struct counts *_Atomic counts = &early;

static void count(size_t bytes) {
    struct counts *now = atomic_load_explicit(&counts, memory_order_relaxed);
    atomic_fetch_add_explicit(&now->allocations, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&now->bytes, bytes, memory_order_relaxed);
}

static void *aligned(size_t alignment, size_t bytes) {
    count(bytes);
    return __libc_memalign(alignment, bytes);
}

__attribute__((constructor)) static void map_file(void) {
    const char *path = getenv("MALLOC_COUNT_FILE");
    if (!path) return;
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, sizeof(struct counts)) != 0) _exit(120);
    struct counts *shared = mmap(NULL, sizeof(struct counts), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (shared == MAP_FAILED) _exit(120);
    close(file);
    atomic_fetch_add(&shared->allocations, atomic_load(&early.allocations));
    atomic_fetch_add(&shared->frees, atomic_load(&early.frees));
    atomic_fetch_add(&shared->bytes, atomic_load(&early.bytes));
    atomic_store(&counts, shared);
}

void *malloc(size_t bytes) {
    count(bytes);
    return __libc_malloc(bytes);
}

void *calloc(size_t n, size_t size) {
    count(n * size);
    return __libc_calloc(n, size);
}

void *realloc(void *old, size_t bytes) {
    count(bytes);
    return __libc_realloc(old, bytes);
}

void *memalign(size_t alignment, size_t bytes) { return aligned(alignment, bytes); }

void *aligned_alloc(size_t alignment, size_t bytes) { return aligned(alignment, bytes); }

int posix_memalign(void **result, size_t alignment, size_t bytes) {
    if (alignment % sizeof(void *) != 0 || alignment == 0 || (alignment & (alignment - 1)) != 0) return EINVAL;
    void *memory = aligned(alignment, bytes);
    if (!memory) return ENOMEM;
    *result = memory;
    return 0;
}

void free(void *memory) {
    if (!memory) return;
    atomic_fetch_add_explicit(&atomic_load_explicit(&counts, memory_order_relaxed)->frees, 1, memory_order_relaxed);
    __libc_free(memory);
}
