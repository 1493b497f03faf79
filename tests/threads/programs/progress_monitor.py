import threading
import time

progress = 0


def job():
    global progress
    for _ in range(5):
        time.sleep(0.01)
        progress += 20


t = threading.Thread(target=job)
t.start()
while t.is_alive():
    time.sleep(0.005)
print(progress)
