"""A thread's native number: what pools of C libraries and loggers ask for."""

import threading

found = {"main": threading.get_native_id()}


def work(name):
    found[name] = threading.get_native_id()


threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
for thread in threads:
    thread.start()
natives = [thread.native_id for thread in threads]
for thread in threads:
    thread.join()
print(all(type(number) is int and number > 0 for number in found.values()))
print(natives == [found["a"], found["b"]], threading.main_thread().native_id == found["main"])
print(found["main"] not in natives, threading.get_native_id() == found["main"])
