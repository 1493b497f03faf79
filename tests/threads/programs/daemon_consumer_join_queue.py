import queue
import threading

q = queue.Queue()
processed = []


def worker():
    while True:
        item = q.get()
        processed.append(item * 2)
        q.task_done()


threading.Thread(target=worker, daemon=True).start()
for item in range(20):
    q.put(item)
q.join()
print("All work completed", processed)
