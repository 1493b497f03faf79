import threading


class Account:
    def __init__(self):
        self.balance = 0
        self.lock = threading.RLock()

    def deposit(self, amount):
        with self.lock:
            self.balance += amount

    def deposit_twice(self, amount):
        with self.lock:
            self.deposit(amount)
            self.deposit(amount)


account = Account()
threads = [threading.Thread(target=account.deposit_twice, args=(5,)) for _ in range(10)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(account.balance)
