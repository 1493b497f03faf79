import sys
import threading

caught = []
threading.excepthook = lambda args: caught.append((args.exc_type.__name__, str(args.exc_value)))


def fail():
    raise ValueError("boom")


t = threading.Thread(target=fail)
t.start()
t.join()
print(caught, t.is_alive())
