import threading

condition = threading.Condition()
items = []


def consumer():
    with condition:
        condition.wait_for(lambda: len(items) >= 3)
        print("consumed", items)


t = threading.Thread(target=consumer)
t.start()
for i in range(3):
    with condition:
        items.append(i)
        condition.notify()
t.join()
