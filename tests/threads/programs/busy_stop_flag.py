import threading
import time

running = True
count = 0


def spin():
    global count
    while running:
        count += 1


t = threading.Thread(target=spin)
t.start()
time.sleep(0.1)
running = False
t.join()
print(count > 0)
