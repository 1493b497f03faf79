import queue
import threading

DONE = object()


def stage(function, source, target):
    while (item := source.get()) is not DONE:
        target.put(function(item))
    target.put(DONE)


queues = [queue.Queue(2) for _ in range(3)]
threads = [
    threading.Thread(target=stage, args=(lambda x: x + 1, queues[0], queues[1])),
    threading.Thread(target=stage, args=(lambda x: x * 10, queues[1], queues[2])),
]
for t in threads:
    t.start()


def feed():
    for n in range(8):
        queues[0].put(n)
    queues[0].put(DONE)


threading.Thread(target=feed).start()
print(list(iter(queues[2].get, DONE)))
