import threading

seen = {}


def work():
    me = threading.current_thread()
    seen[me.name] = (me.ident == threading.get_ident(), me.daemon, me is threading.main_thread())


threads = [threading.Thread(target=work, name=f"t{i}", daemon=i == 1) for i in range(3)]
for t in threads:
    print(t.name, t.ident, t.is_alive())
    t.start()
for t in threads:
    t.join()
print(sorted(seen.items()))
print(len({t.ident for t in threads} | {threading.get_ident()}) >= 2, threading.current_thread().name)
