import threading
import time

fired = threading.Event()
start = time.monotonic()
timer = threading.Timer(0.05, fired.set)
timer.start()
print(fired.wait(timeout=5), time.monotonic() - start >= 0.05)
