/* Included before sqlite3.c: file locks for a system that has none.

   SQLite keeps the locks between the connections of one process in tables of its own and asks fcntl() only to
   keep other processes out. There are no other processes here, so every such request is granted; the default on
   WASI, a lock file a database, would let nobody read while somebody holds an uncommitted change. */
#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

#define SQLITE_DEFAULT_UNIX_VFS "unix"

/* The numbers that sqlite3.c gives the commands where <fcntl.h> lacks them. */
enum { PYWASM_F_GETLK = 12, PYWASM_F_SETLK = 13, PYWASM_F_SETLKW = 14, PYWASM_F_UNLCK = 2 };

static int pywasm_fcntl(int fd, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    int result = 0;
    if (command == PYWASM_F_GETLK) {
        va_arg(arguments, struct flock *)->l_type = PYWASM_F_UNLCK;
    }
    else if (command != PYWASM_F_SETLK && command != PYWASM_F_SETLKW) {
        result = fcntl(fd, command, va_arg(arguments, int));
    }
    va_end(arguments);
    return result;
}

#define fcntl pywasm_fcntl
