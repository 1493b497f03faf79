import threading

pool = threading.BoundedSemaphore(1)
with pool:
    pass
try:
    pool.release()
except ValueError as error:
    print(error)
