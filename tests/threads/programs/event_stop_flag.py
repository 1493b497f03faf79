import threading
import time

stop = threading.Event()
ticks = []


def ticker():
    while not stop.is_set():
        ticks.append(1)
        time.sleep(0.005)


t = threading.Thread(target=ticker)
t.start()
time.sleep(0.05)
stop.set()
t.join(timeout=2)
print(len(ticks) >= 2, t.is_alive())
