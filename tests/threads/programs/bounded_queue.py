import queue
import threading

q = queue.Queue(maxsize=3)
seen = []


def producer():
    for i in range(50):
        q.put(i)
    q.put(None)


def consumer():
    while (item := q.get()) is not None:
        seen.append(item)


threads = [threading.Thread(target=producer), threading.Thread(target=consumer)]
[t.start() for t in threads]
[t.join() for t in threads]
print(seen == list(range(50)), q.empty())
