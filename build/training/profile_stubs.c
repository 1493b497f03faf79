/* What compiler-rt's profile runtime wants and WASI lacks, under names of its own: with wasi-libc's emulation
   libraries on the link line, CPython's configure would find mmap() and getpid() and build another interpreter
   than the one that uses the profile. */
#include <sys/types.h>

void *__profile_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset) {
    return (void *)-1;
}

int __profile_munmap(void *address, size_t size) { return 0; }

int __profile_madvise(void *address, size_t size, int advice) { return 0; }

pid_t __profile_getpid(void) { return 1; }
