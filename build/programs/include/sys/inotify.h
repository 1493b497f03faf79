#include <errno.h>
#include <stdint.h>
#define IN_MODIFY 2
struct inotify_event { int wd; uint32_t mask, cookie, len; };
static inline int inotify_init(void) { errno = ENOSYS; return -1; }
static inline int inotify_add_watch(int fd, const char *path, uint32_t mask) { errno = ENOSYS; return -1; }
