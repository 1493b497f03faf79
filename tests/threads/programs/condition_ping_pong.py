import threading

condition = threading.Condition()
turn = "ping"
log = []


def player(name, other):
    global turn
    for _ in range(5):
        with condition:
            while turn != name:
                condition.wait()
            log.append(name)
            turn = other
            condition.notify_all()


threads = [threading.Thread(target=player, args=a) for a in (("ping", "pong"), ("pong", "ping"))]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(" ".join(log))
