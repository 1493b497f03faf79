import threading

counter = 0
lock = threading.Lock()


def increment():
    global counter
    for _ in range(5000):
        with lock:
            counter += 1


threads = [threading.Thread(target=increment) for _ in range(8)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(f"Counter: {counter}")
