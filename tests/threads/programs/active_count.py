import threading

event = threading.Event()
before = threading.active_count()
threads = [threading.Thread(target=event.wait) for _ in range(5)]
for t in threads:
    t.start()
print(threading.active_count() - before, all(t in threading.enumerate() for t in threads))
event.set()
for t in threads:
    t.join()
print(threading.active_count() - before)
