import threading
from concurrent.futures import ThreadPoolExecutor, TimeoutError

gate = threading.Event()
executor = ThreadPoolExecutor(1)
future = executor.submit(gate.wait)
try:
    future.result(timeout=0.02)
except TimeoutError:
    print("timed out", future.running())
later = executor.submit(print, "never")
print(later.cancel())
gate.set()
executor.shutdown()
print(future.result())
