import threading

t = threading.Thread(target=lambda: None)
t.start()
t.join()
for action in (t.start, threading.current_thread().join):
    try:
        action()
    except RuntimeError as error:
        print(error)
try:
    threading.Thread(target=print).join()
except RuntimeError as error:
    print(error)
