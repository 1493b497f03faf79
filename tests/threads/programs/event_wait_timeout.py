import threading

print(threading.Event().wait(timeout=0.02))
lock = threading.Lock()
lock.acquire()
print(lock.acquire(timeout=0.02), lock.acquire(blocking=False), lock.locked())
