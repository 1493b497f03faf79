import threading
from concurrent.futures import ThreadPoolExecutor

local = threading.local()


def setup(tag):
    local.tag = tag


with ThreadPoolExecutor(2, thread_name_prefix="pool", initializer=setup, initargs=("ready",)) as executor:
    print({executor.submit(lambda: local.tag).result() for _ in range(4)})
    print(executor.submit(lambda: threading.current_thread().name).result().startswith("pool_"))
