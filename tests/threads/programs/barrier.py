import threading

barrier = threading.Barrier(3, action=lambda: print("all here"))
order = []


def phase():
    barrier.wait()
    order.append("second")


threads = [threading.Thread(target=phase) for _ in range(3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(order, barrier.broken)
