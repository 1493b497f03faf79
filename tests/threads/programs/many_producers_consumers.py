import queue
import threading

tasks, results = queue.Queue(), queue.Queue()
WORKERS = 4


def producer(start):
    for i in range(start, start + 25):
        tasks.put(i)


def consumer():
    while True:
        n = tasks.get()
        if n is None:
            tasks.task_done()
            return
        results.put((n, n**2))
        tasks.task_done()


consumers = [threading.Thread(target=consumer) for _ in range(WORKERS)]
producers = [threading.Thread(target=producer, args=(i * 25,)) for i in range(4)]
for t in consumers + producers:
    t.start()
for t in producers:
    t.join()
for _ in consumers:
    tasks.put(None)
tasks.join()
for t in consumers:
    t.join()
out = sorted(results.get() for _ in range(results.qsize()))
print(len(out), out[:3], out[-1])
