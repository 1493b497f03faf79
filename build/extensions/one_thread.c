/* What C++ libraries want of a system with threads and processes, for one that has neither: nothing to do. */

typedef void (*handler)(void);

int pthread_atfork(handler prepare, handler parent, handler child) {
    (void)prepare, (void)parent, (void)child;
    return 0;
}

/* The one thread ends with the instance: destructors of thread-local variables never run. */
int __cxa_thread_atexit(void (*destructor)(void *), void *object, void *library) {
    (void)destructor, (void)object, (void)library;
    return 0;
}
