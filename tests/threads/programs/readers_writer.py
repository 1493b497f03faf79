import threading


class ReadWriteLock:
    def __init__(self):
        self._ready = threading.Condition(threading.Lock())
        self._readers = 0

    def acquire_read(self):
        with self._ready:
            self._readers += 1

    def release_read(self):
        with self._ready:
            self._readers -= 1
            if not self._readers:
                self._ready.notify_all()

    def acquire_write(self):
        self._ready.acquire()
        while self._readers > 0:
            self._ready.wait()

    def release_write(self):
        self._ready.release()


lock, value, seen = ReadWriteLock(), 0, []


def read():
    lock.acquire_read()
    seen.append(value)
    lock.release_read()


def write():
    global value
    lock.acquire_write()
    value += 1
    lock.release_write()


threads = [threading.Thread(target=f) for f in (read, write, read, write, read)]
[t.start() for t in threads]
[t.join() for t in threads]
print(value, len(seen), sorted(seen) == seen)
