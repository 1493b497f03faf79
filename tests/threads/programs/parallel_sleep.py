import threading
import time

start = time.monotonic()
threads = [threading.Thread(target=time.sleep, args=(0.2,)) for _ in range(10)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(0.2 <= time.monotonic() - start < 1.5)
