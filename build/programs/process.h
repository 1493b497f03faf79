/* The host's process calls, and what wasi-libc leaves out of POSIX for lack of processes. */
#ifndef PYWASM_PROCESS_H
#define PYWASM_PROCESS_H
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#define PYWASM_IMPORT(name) __attribute__((import_module("pywasm"), import_name(#name)))
int32_t pywasm_fork(void) PYWASM_IMPORT(process_fork);
int32_t pywasm_exec(const char *path, int32_t path_size, const char *words, int32_t words_size, const char *env, int32_t env_size, const char *cwd, int32_t cwd_size) PYWASM_IMPORT(process_exec);
int32_t pywasm_spawn(const char *path, int32_t path_size, const char *words, int32_t words_size, const char *env, int32_t env_size, const char *cwd, int32_t cwd_size, int32_t in, int32_t out) PYWASM_IMPORT(process_spawn);
int32_t pywasm_wait(int32_t pid, int32_t flags, int32_t *status) PYWASM_IMPORT(process_wait);
int32_t pywasm_kill(int32_t pid, int32_t signal) PYWASM_IMPORT(process_kill);
int32_t pywasm_id(int32_t which) PYWASM_IMPORT(process_id);
int32_t pywasm_dup(int32_t fd, int32_t lowest) PYWASM_IMPORT(fd_dup);
int32_t pywasm_dup2(int32_t fd, int32_t to) PYWASM_IMPORT(fd_dup2);
int32_t pywasm_pipe(int32_t *ends) PYWASM_IMPORT(fd_pipe);
int32_t pywasm_close_on_exec(int32_t fd, int32_t value) PYWASM_IMPORT(fd_close_on_exec);
int32_t pywasm_get_mode(int32_t fd, const char *path, int32_t size, int32_t follow) PYWASM_IMPORT(get_mode);
int32_t pywasm_set_mode(int32_t fd, const char *path, int32_t size, int32_t mode) PYWASM_IMPORT(set_mode);
#endif
