import queue
import threading

simple, priority, stack = queue.SimpleQueue(), queue.PriorityQueue(), queue.LifoQueue()


def fill():
    for n in (3, 1, 2):
        simple.put(n)
        priority.put(n)
        stack.put(n)


t = threading.Thread(target=fill)
t.start()
first = simple.get()
t.join()
print([first, simple.get(), simple.get()])
print([priority.get() for _ in range(3)], [stack.get() for _ in range(3)])
try:
    simple.get(timeout=0.01)
except queue.Empty:
    print("empty")
