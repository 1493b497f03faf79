/* fork: the stack is unwound into this buffer, the host copies the memory, and both sides rewind. */
#include "process.h"
#include "compat.h"

#include <errno.h>

/* Where Asyncify keeps the stack while the host copies the memory. */
static struct {
    char *next;
    char *end;
    char stack[1 << 17];
} fork_buffer;

__attribute__((export_name("pywasm_fork_buffer"))) void *pywasm_fork_buffer(int32_t fresh) {
    if (fresh) {
        fork_buffer.next = fork_buffer.stack;
        fork_buffer.end = fork_buffer.stack + sizeof fork_buffer.stack;
    }
    return &fork_buffer;
}

pid_t fork(void) {
    int32_t answer = pywasm_fork();
    if (answer < 0) {
        errno = -answer;
        return -1;
    }
    return answer;
}

