import queue

q = queue.Queue(maxsize=1)
q.put(1)
for action in (lambda: q.put(2, timeout=0.01), lambda: (q.get(), q.get(timeout=0.01))):
    try:
        action()
    except (queue.Full, queue.Empty) as error:
        print(type(error).__name__)
