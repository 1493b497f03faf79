import threading
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, ThreadPoolExecutor, wait

gate = threading.Event()
with ThreadPoolExecutor(2) as executor:
    quick, slow = executor.submit(lambda: "quick"), executor.submit(gate.wait)
    done, pending = wait([quick, slow], return_when=FIRST_COMPLETED)
    print(quick in done, slow in pending)
    gate.set()
    done, pending = wait([quick, slow], return_when=ALL_COMPLETED, timeout=5)
    print(len(done), len(pending), slow.result())
