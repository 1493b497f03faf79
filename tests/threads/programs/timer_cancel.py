import threading
import time

calls = []
timer = threading.Timer(0.2, calls.append, args=("late",))
timer.start()
timer.cancel()
timer.join()
time.sleep(0.01)
print(calls, timer.is_alive())
