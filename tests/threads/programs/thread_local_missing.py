import threading

data = threading.local()
data.x = 1


def check():
    print(hasattr(data, "x"))


t = threading.Thread(target=check)
t.start()
t.join()
print(data.x)
