import threading
import time

forks = [threading.Lock() for _ in range(5)]
meals = [0] * 5


def dine(i):
    first, second = sorted((i, (i + 1) % 5))
    for _ in range(3):
        with forks[first]:
            time.sleep(0.001)
            with forks[second]:
                meals[i] += 1


threads = [threading.Thread(target=dine, args=(i,)) for i in range(5)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(meals)
