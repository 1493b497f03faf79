#include <sys/statvfs.h>
struct statfs { long f_type, f_bsize, f_frsize, f_blocks, f_bfree, f_bavail, f_files, f_ffree, f_namelen, f_flags; struct { int val[2]; } f_fsid; };
#include <errno.h>
static inline int statfs(const char *path, struct statfs *found) { errno = ENOSYS; return -1; }
