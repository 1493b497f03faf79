import threading

ready = threading.Event()
log = []


def waiter():
    log.append("waiting")
    ready.wait()
    log.append("released")


t = threading.Thread(target=waiter)
t.start()
while "waiting" not in log:
    pass
log.append("setting")
ready.set()
t.join()
print(log)
