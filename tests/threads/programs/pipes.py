import os
import threading

reader, writer = os.pipe()
got = []


def read():
    with open(reader) as stream:
        got.extend(line.strip() for line in stream)


t = threading.Thread(target=read)
t.start()
with open(writer, "w") as stream:
    for n in range(3):
        print(n, file=stream)
t.join()
print(got)
