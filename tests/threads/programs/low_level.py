import _thread
import time

done = []
lock = _thread.allocate_lock()
lock.acquire()


def work(n):
    done.append(n)
    lock.release()


_thread.start_new_thread(work, (7,))
lock.acquire()
print(done)
