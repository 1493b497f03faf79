/* Files: thin functions over libc's, paths as text. A failure is the negative errno; JavaScript makes it an
   Error as Node.js does. */
#include "guest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The bits of `open`'s flags on this side of the wire; node/files.js has the same. */
enum { READ = 1, WRITE = 2, APPEND = 4, CREATE = 8, EXCLUSIVE = 16, TRUNCATE = 32, NO_FOLLOW = 64, FOLDER = 128 };

#define MAX_PIECE (1u << 20) /* of one read or write: an interrupt comes between two */

static JSValue outcome(JSContext *ctx, int64_t result) {
    return JS_NewInt64(ctx, result < 0 ? -errno : result);
}

typedef int path_function(const char *);
typedef int pair_function(const char *, const char *);

static JSValue with_path(JSContext *ctx, JSValueConst *argv, path_function *function) {
    const char *path = JS_ToCString(ctx, argv[0]);
    if (path == NULL) {
        return JS_EXCEPTION;
    }
    JSValue result = outcome(ctx, function(path));
    JS_FreeCString(ctx, path);
    return result;
}

static JSValue with_pair(JSContext *ctx, JSValueConst *argv, pair_function *function) {
    const char *first = JS_ToCString(ctx, argv[0]), *second = JS_ToCString(ctx, argv[1]);
    JSValue result = first && second ? outcome(ctx, function(first, second)) : JS_EXCEPTION;
    JS_FreeCString(ctx, first);
    JS_FreeCString(ctx, second);
    return result;
}

#define PATH_FUNCTION(name, function)                                                                        \
    static JSValue name(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {               \
        return with_path(ctx, argv, function);                                                               \
    }
#define PAIR_FUNCTION(name, function)                                                                        \
    static JSValue name(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {               \
        return with_pair(ctx, argv, function);                                                               \
    }

static int make_directory(const char *path) { return mkdir(path, 0777); }

PATH_FUNCTION(js_unlink, unlink)
PATH_FUNCTION(js_rmdir, rmdir)
PATH_FUNCTION(js_mkdir, make_directory)
PATH_FUNCTION(js_chdir, chdir)
PAIR_FUNCTION(js_rename, rename)
PAIR_FUNCTION(js_link, link)
PAIR_FUNCTION(js_symlink, symlink)

static JSValue js_getcwd(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    char path[PATH_MAX];
    return getcwd(path, sizeof path) ? JS_NewString(ctx, path) : JS_NewInt32(ctx, -errno);
}

static JSValue js_readlink(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    char target[PATH_MAX];
    const char *path = JS_ToCString(ctx, argv[0]);
    if (path == NULL) {
        return JS_EXCEPTION;
    }
    ssize_t length = readlink(path, target, sizeof target);
    JSValue result = length < 0 ? JS_NewInt32(ctx, -errno) : JS_NewStringLen(ctx, target, (size_t)length);
    JS_FreeCString(ctx, path);
    return result;
}

static int open_flags(int32_t bits) {
    int flags = bits & FOLDER ? O_DIRECTORY : 0;
    flags |= (bits & (READ | WRITE)) == (READ | WRITE) ? O_RDWR : bits & WRITE ? O_WRONLY : O_RDONLY;
    flags |= (bits & APPEND ? O_APPEND : 0) | (bits & CREATE ? O_CREAT : 0) | (bits & EXCLUSIVE ? O_EXCL : 0);
    return flags | (bits & TRUNCATE ? O_TRUNC : 0) | (bits & NO_FOLLOW ? O_NOFOLLOW : 0);
}

/* open(path, bits): a descriptor. */
static JSValue js_open(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    int32_t bits;
    const char *path = JS_ToCString(ctx, argv[0]);
    if (path == NULL || JS_ToInt32(ctx, &bits, argv[1])) {
        JS_FreeCString(ctx, path);
        return JS_EXCEPTION;
    }
    JSValue result = outcome(ctx, open(path, open_flags(bits), 0666));
    JS_FreeCString(ctx, path);
    return result;
}

static JSValue js_close(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    int32_t descriptor;
    return JS_ToInt32(ctx, &descriptor, argv[0]) ? JS_EXCEPTION : outcome(ctx, close(descriptor));
}

static JSValue js_fsync(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    int32_t descriptor;
    return JS_ToInt32(ctx, &descriptor, argv[0]) ? JS_EXCEPTION : outcome(ctx, fsync(descriptor));
}

static JSValue js_ftruncate(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    int32_t descriptor;
    int64_t length;
    if (JS_ToInt32(ctx, &descriptor, argv[0]) || JS_ToInt64(ctx, &length, argv[1])) {
        return JS_EXCEPTION;
    }
    return outcome(ctx, ftruncate(descriptor, length));
}

/* The arguments of read and write: (descriptor, bytes, offset, length, position or -1). */
struct transfer {
    int32_t descriptor;
    uint8_t *start;
    size_t length;
    int64_t position;
};

static bool get_transfer(JSContext *ctx, JSValueConst *argv, struct transfer *transfer) {
    size_t size;
    int64_t offset, length;
    uint8_t *bytes = JS_GetUint8Array(ctx, &size, argv[1]);
    if (bytes == NULL || JS_ToInt32(ctx, &transfer->descriptor, argv[0]) || JS_ToInt64(ctx, &offset, argv[2]) ||
        JS_ToInt64(ctx, &length, argv[3]) || JS_ToInt64(ctx, &transfer->position, argv[4])) {
        return false;
    }
    if (offset < 0 || length < 0 || offset > (int64_t)size || length > (int64_t)size - offset) {
        JS_ThrowRangeError(ctx, "the range lies outside of the buffer");
        return false;
    }
    transfer->start = bytes + offset;
    transfer->length = (size_t)length;
    return true;
}

/* read(...): how many bytes came; fewer than asked for only at the end of the file. */
static JSValue js_read(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    struct transfer transfer;
    if (!get_transfer(ctx, argv, &transfer)) {
        return JS_EXCEPTION;
    }
    size_t done = 0;
    while (done < transfer.length && !guest_interrupted()) {
        size_t piece = transfer.length - done < MAX_PIECE ? transfer.length - done : MAX_PIECE;
        ssize_t count = transfer.position < 0
                            ? read(transfer.descriptor, transfer.start + done, piece)
                            : pread(transfer.descriptor, transfer.start + done, piece, transfer.position + (off_t)done);
        if (count < 0 && done == 0) {
            return outcome(ctx, count);
        }
        if (count <= 0) {
            break;
        }
        done += (size_t)count;
    }
    return JS_NewInt64(ctx, (int64_t)done);
}

/* write(...): how many bytes went. */
static JSValue js_write(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    struct transfer transfer;
    if (!get_transfer(ctx, argv, &transfer)) {
        return JS_EXCEPTION;
    }
    size_t done = 0;
    while (done < transfer.length && !guest_interrupted()) {
        size_t piece = transfer.length - done < MAX_PIECE ? transfer.length - done : MAX_PIECE;
        ssize_t count = transfer.position < 0
                            ? write(transfer.descriptor, transfer.start + done, piece)
                            : pwrite(transfer.descriptor, transfer.start + done, piece, transfer.position + (off_t)done);
        if (count < 0) {
            return outcome(ctx, count);
        }
        done += (size_t)count;
    }
    return JS_NewInt64(ctx, (int64_t)done);
}

/* readFile(path): its bytes, in one call. */
static JSValue js_read_file(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    const char *path = JS_ToCString(ctx, argv[0]);
    if (path == NULL) {
        return JS_EXCEPTION;
    }
    int descriptor = open(path, O_RDONLY);
    JS_FreeCString(ctx, path);
    struct stat status;
    if (descriptor < 0) {
        return outcome(ctx, -1);
    }
    if (fstat(descriptor, &status) < 0 || S_ISDIR(status.st_mode)) {
        close(descriptor);
        return JS_NewInt32(ctx, -EISDIR);
    }
    size_t capacity = (size_t)status.st_size + 1, size = 0;
    uint8_t *data = NULL;
    ssize_t count = 1;
    int failure = 0;
    while (count > 0 && !guest_interrupted()) {
        if (data == NULL || size == capacity) {
            capacity = data ? 2 * capacity : capacity;
            uint8_t *larger = js_realloc(ctx, data, capacity);
            if (larger == NULL) {
                js_free(ctx, data);
                close(descriptor);
                return JS_EXCEPTION;
            }
            data = larger;
        }
        count = read(descriptor, data + size, capacity - size < MAX_PIECE ? capacity - size : MAX_PIECE);
        failure = count < 0 ? errno : 0;
        size += count > 0 ? (size_t)count : 0;
    }
    close(descriptor);
    JSValue result = failure ? JS_NewInt32(ctx, -failure) : JS_NewUint8ArrayCopy(ctx, data, size);
    js_free(ctx, data);
    return result;
}

static double milliseconds(struct timespec time) { return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6; }

/* [dev, ino, mode, nlink, size, atimeMs, mtimeMs, ctimeMs] */
static JSValue describe(JSContext *ctx, int failed, const struct stat *status) {
    if (failed) {
        return JS_NewInt32(ctx, -errno);
    }
    double numbers[] = {
        (double)status->st_dev, (double)status->st_ino, status->st_mode, (double)status->st_nlink,
        (double)status->st_size, milliseconds(status->st_atim), milliseconds(status->st_mtim),
        milliseconds(status->st_ctim),
    };
    JSValue array = JS_NewArray(ctx);
    for (uint32_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        JS_DefinePropertyValueUint32(ctx, array, i, JS_NewFloat64(ctx, numbers[i]), JS_PROP_C_W_E);
    }
    return array;
}

/* stat(path, follows) */
static JSValue js_stat(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    struct stat status;
    const char *path = JS_ToCString(ctx, argv[0]);
    if (path == NULL) {
        return JS_EXCEPTION;
    }
    JSValue result = describe(ctx, JS_ToBool(ctx, argv[1]) ? stat(path, &status) : lstat(path, &status), &status);
    JS_FreeCString(ctx, path);
    return result;
}

static JSValue js_fstat(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    struct stat status;
    int32_t descriptor;
    return JS_ToInt32(ctx, &descriptor, argv[0]) ? JS_EXCEPTION : describe(ctx, fstat(descriptor, &status), &status);
}

/* list(path): names and kinds in turn; a kind is "f", "d", "l" or "?". */
static JSValue js_list(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    const char *path = JS_ToCString(ctx, argv[0]);
    if (path == NULL) {
        return JS_EXCEPTION;
    }
    DIR *folder = opendir(path);
    JS_FreeCString(ctx, path);
    if (folder == NULL) {
        return outcome(ctx, -1);
    }
    JSValue names = JS_NewArray(ctx);
    uint32_t count = 0;
    struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        const char *kind = entry->d_type == DT_REG ? "f" : entry->d_type == DT_DIR ? "d" : entry->d_type == DT_LNK ? "l" : "?";
        JS_DefinePropertyValueUint32(ctx, names, count++, JS_NewString(ctx, entry->d_name), JS_PROP_C_W_E);
        JS_DefinePropertyValueUint32(ctx, names, count++, JS_NewString(ctx, kind), JS_PROP_C_W_E);
    }
    closedir(folder);
    return names;
}

static struct timespec as_timespec(double milliseconds) {
    struct timespec time = {.tv_sec = (time_t)(milliseconds / 1e3)};
    time.tv_nsec = (long)((milliseconds - (double)time.tv_sec * 1e3) * 1e6);
    return time;
}

/* utimes(path or descriptor, atimeMs, mtimeMs) */
static JSValue js_utimes(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    double accessed, modified;
    if (JS_ToFloat64(ctx, &accessed, argv[1]) || JS_ToFloat64(ctx, &modified, argv[2])) {
        return JS_EXCEPTION;
    }
    struct timespec times[] = {as_timespec(accessed), as_timespec(modified)};
    if (JS_IsNumber(argv[0])) {
        int32_t descriptor;
        JS_ToInt32(ctx, &descriptor, argv[0]);
        return outcome(ctx, futimens(descriptor, times));
    }
    const char *path = JS_ToCString(ctx, argv[0]);
    if (path == NULL) {
        return JS_EXCEPTION;
    }
    JSValue result = outcome(ctx, utimensat(AT_FDCWD, path, times, 0));
    JS_FreeCString(ctx, path);
    return result;
}

/* errnoText(errno): libc's name for it. */
static JSValue errno_text(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    int32_t number;
    return JS_ToInt32(ctx, &number, argv[0]) ? JS_EXCEPTION : JS_NewString(ctx, strerror(number));
}

#define ERRNO(name) JS_PROP_INT32_DEF(#name, name, JS_PROP_ENUMERABLE)

static const JSCFunctionListEntry errnos[] = {
    ERRNO(EACCES), ERRNO(EBADF),  ERRNO(EBUSY),   ERRNO(EDQUOT), ERRNO(EEXIST), ERRNO(EFBIG),     ERRNO(EINTR),
    ERRNO(EINVAL), ERRNO(EIO),    ERRNO(EISDIR),  ERRNO(ELOOP),  ERRNO(EMFILE), ERRNO(EMLINK),    ERRNO(ENAMETOOLONG),
    ERRNO(ENFILE), ERRNO(ENOENT), ERRNO(ENOSPC),  ERRNO(ENOSYS), ERRNO(ENOTDIR), ERRNO(ENOTEMPTY), ERRNO(ENOTSUP),
    ERRNO(EPERM),  ERRNO(EPIPE),  ERRNO(EROFS),   ERRNO(ESPIPE), ERRNO(ETXTBSY), ERRNO(EXDEV),    ERRNO(ENXIO),
    ERRNO(ENOMEM), ERRNO(ENOTCAPABLE),
};

static const JSCFunctionListEntry entries[] = {
    FUNCTION("open", 2, js_open),
    FUNCTION("close", 1, js_close),
    FUNCTION("read", 5, js_read),
    FUNCTION("write", 5, js_write),
    FUNCTION("readFile", 1, js_read_file),
    FUNCTION("fsync", 1, js_fsync),
    FUNCTION("ftruncate", 2, js_ftruncate),
    FUNCTION("stat", 2, js_stat),
    FUNCTION("fstat", 1, js_fstat),
    FUNCTION("list", 1, js_list),
    FUNCTION("mkdir", 1, js_mkdir),
    FUNCTION("rmdir", 1, js_rmdir),
    FUNCTION("unlink", 1, js_unlink),
    FUNCTION("rename", 2, js_rename),
    FUNCTION("link", 2, js_link),
    FUNCTION("symlink", 2, js_symlink),
    FUNCTION("readlink", 1, js_readlink),
    FUNCTION("utimes", 3, js_utimes),
    FUNCTION("chdir", 1, js_chdir),
    FUNCTION("getcwd", 0, js_getcwd),
    FUNCTION("errnoText", 1, errno_text),
    JS_OBJECT_DEF("errnos", errnos, sizeof errnos / sizeof *errnos, JS_PROP_ENUMERABLE),
};

void guest_file_functions(JSContext *ctx, JSValue object) {
    JS_SetPropertyFunctionList(ctx, object, entries, sizeof entries / sizeof *entries);
}
