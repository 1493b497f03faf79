/* Writes to the standard streams land in a ring that the host empties, so that print() costs a memcpy
   and not a host call.

   The module is linked with --wrap for the three libc functions below. A descriptor stays "ours" while it
   is the original standard stream; closing or renumbering it sends later writes to the real import.

   Single producer (guest), single consumer (host, only while the guest stands in a host call or at an epoch
   check): `head` and `tail` count bytes modulo 2^32, the data is stored before `head` moves. */
#include "pywasm.h"

#include <string.h>
#include <wasi/api.h>

#define RING_CAPACITY 65536u
#define RING_HEADER 4u

static uint8_t ring_data[RING_CAPACITY];

static struct {
    uint8_t *data;
    uint32_t capacity;
    volatile uint32_t head;
    volatile uint32_t tail;
} ring = {ring_data, RING_CAPACITY, 0, 0};

static uint8_t in_ring[3] = {0, 1, 1}; /* by descriptor */

PYWASM_EXPORT("pywasm_stdio_ring") void *pywasm_stdio_ring(void) { return &ring; }

static uint32_t ring_put(uint32_t position, const void *data, uint32_t size) {
    uint32_t offset = position & (RING_CAPACITY - 1);
    uint32_t first = RING_CAPACITY - offset;
    if (first > size) {
        first = size;
    }
    memcpy(ring_data + offset, data, first);
    memcpy(ring_data, (const uint8_t *)data + first, size - first);
    return position + size;
}

__wasi_errno_t __real___wasi_fd_write(__wasi_fd_t, const __wasi_ciovec_t *, size_t, __wasi_size_t *);
__wasi_errno_t __real___wasi_fd_close(__wasi_fd_t);
__wasi_errno_t __real___wasi_fd_renumber(__wasi_fd_t, __wasi_fd_t);

__wasi_errno_t __wrap___wasi_fd_write(__wasi_fd_t fd, const __wasi_ciovec_t *vectors, size_t count,
                                      __wasi_size_t *written) {
    if (fd >= 3 || !in_ring[fd]) {
        return __real___wasi_fd_write(fd, vectors, count, written);
    }
    uint32_t size = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t length = vectors[i].buf_len;
        if (length > RING_CAPACITY / 2 || (size += length) > RING_CAPACITY / 2) {
            pywasm_host_stdio_drain();
            return __real___wasi_fd_write(fd, vectors, count, written);
        }
    }
    if (size == 0) {
        *written = 0;
        return __WASI_ERRNO_SUCCESS;
    }
    if (RING_CAPACITY - (ring.head - ring.tail) < RING_HEADER + size) {
        pywasm_host_stdio_drain();
        if (RING_CAPACITY - (ring.head - ring.tail) < RING_HEADER + size) {
            return __real___wasi_fd_write(fd, vectors, count, written);
        }
    }
    uint32_t header = (uint32_t)fd << 24 | size;
    uint32_t position = ring_put(ring.head, &header, RING_HEADER);
    for (size_t i = 0; i < count; i++) {
        position = ring_put(position, vectors[i].buf, vectors[i].buf_len);
    }
    __atomic_signal_fence(__ATOMIC_RELEASE);
    ring.head = position;
    *written = size;
    return __WASI_ERRNO_SUCCESS;
}

static void leave_ring(__wasi_fd_t fd) {
    if (fd < 3 && in_ring[fd]) {
        pywasm_host_stdio_drain();
        in_ring[fd] = 0;
    }
}

__wasi_errno_t __wrap___wasi_fd_close(__wasi_fd_t fd) {
    leave_ring(fd);
    return __real___wasi_fd_close(fd);
}

__wasi_errno_t __wrap___wasi_fd_renumber(__wasi_fd_t from, __wasi_fd_t to) {
    leave_ring(from);
    leave_ring(to);
    return __real___wasi_fd_renumber(from, to);
}
