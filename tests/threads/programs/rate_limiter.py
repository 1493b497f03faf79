import threading
import time


class TokenBucket:
    def __init__(self, rate, capacity):
        self.rate, self.capacity, self.tokens = rate, capacity, capacity
        self.updated = time.monotonic()
        self.lock = threading.Lock()

    def take(self):
        while True:
            with self.lock:
                now = time.monotonic()
                self.tokens = min(self.capacity, self.tokens + (now - self.updated) * self.rate)
                self.updated = now
                if self.tokens >= 1:
                    self.tokens -= 1
                    return
            time.sleep(0.005)


bucket, done = TokenBucket(100, 2), []
threads = [threading.Thread(target=lambda n=n: (bucket.take(), done.append(n))) for n in range(6)]
start = time.monotonic()
[t.start() for t in threads]
[t.join() for t in threads]
print(sorted(done), time.monotonic() - start >= 0.03)
