import threading


class Printer:
    def __init__(self, limit):
        self.current, self.limit = 1, limit
        self.condition = threading.Condition()

    def run(self, odd):
        while True:
            with self.condition:
                while self.current <= self.limit and (self.current % 2 == 1) != odd:
                    self.condition.wait()
                if self.current > self.limit:
                    self.condition.notify_all()
                    return
                print("odd" if odd else "even", self.current)
                self.current += 1
                self.condition.notify_all()


printer = Printer(10)
threads = [threading.Thread(target=printer.run, args=(odd,)) for odd in (False, True)]
[t.start() for t in threads]
[t.join() for t in threads]
