import queue
import threading

q = queue.Queue()


def consumer():
    total = 0
    while True:
        item = q.get()
        if item is None:
            break
        total += item
    print("total", total)


t = threading.Thread(target=consumer)
t.start()
for i in range(100):
    q.put(i)
q.put(None)
t.join()
print("consumer alive:", t.is_alive())
