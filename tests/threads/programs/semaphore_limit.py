import threading
import time

semaphore = threading.Semaphore(2)
lock = threading.Lock()
active = peak = 0


def work():
    global active, peak
    with semaphore:
        with lock:
            active += 1
            peak = max(peak, active)
        time.sleep(0.01)
        with lock:
            active -= 1


threads = [threading.Thread(target=work) for _ in range(8)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("peak", peak)
