import threading


def work(n, results):
    results[n] = sum(i * i for i in range(n * 1000))


results = {}
threads = [threading.Thread(target=work, args=(n, results)) for n in range(1, 6)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(results.items()))
