import threading

lock = threading.RLock()
got = []


def other():
    got.append(lock.acquire(blocking=False))
    got.append(lock.acquire(timeout=0.01))


with lock:
    t = threading.Thread(target=other)
    t.start()
    t.join()
print(got)
