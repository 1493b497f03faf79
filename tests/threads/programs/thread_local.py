import threading

local = threading.local()
local.value = "main"
results = []
lock = threading.Lock()


def work(n):
    local.value = n
    for _ in range(100):
        local.value += 1
    with lock:
        results.append(local.value)


threads = [threading.Thread(target=work, args=(n * 1000,)) for n in range(4)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(results), local.value)
