/* Commands that a program starts by the shell: system, popen, pclose. */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

pid_t pywasm_spawnvp(char *const words[], int in, int out);

struct child {
    FILE *stream;
    pid_t pid;
    struct child *next;
};

static struct child *children;

static pid_t start(const char *command, int in, int out) {
    char *words[] = {"sh", "-c", (char *)command, NULL};
    fflush(NULL);
    return pywasm_spawnvp(words, in, out);
}

static int wait_for(pid_t pid) {
    int status;
    return waitpid(pid, &status, 0) < 0 ? -1 : status;
}

int system(const char *command) {
    if (command == NULL) {
        return 1;
    }
    pid_t pid = start(command, 0, 1);
    return pid < 0 ? -1 : wait_for(pid);
}

FILE *popen(const char *command, const char *mode) {
    int ends[2];
    int reads = mode[0] == 'r';
    struct child *child = malloc(sizeof *child);
    if (child == NULL || pipe(ends) < 0) {
        free(child);
        return NULL;
    }
    int mine = ends[!reads], other = ends[reads];
    fcntl(mine, F_SETFD, FD_CLOEXEC);
    child->pid = reads ? start(command, 0, other) : start(command, other, 1);
    close(other);
    child->stream = child->pid < 0 ? NULL : fdopen(mine, mode);
    if (child->stream == NULL) {
        close(mine);
        free(child);
        return NULL;
    }
    child->next = children;
    children = child;
    return child->stream;
}

int pclose(FILE *stream) {
    for (struct child **place = &children; *place != NULL; place = &(*place)->next) {
        struct child *child = *place;
        if (child->stream == stream) {
            *place = child->next;
            pid_t pid = child->pid;
            free(child);
            fclose(stream);
            return wait_for(pid);
        }
    }
    errno = EINVAL;
    return -1;
}
