from concurrent.futures import ThreadPoolExecutor

executor = ThreadPoolExecutor(1)
executor.shutdown(wait=True)
try:
    executor.submit(print)
except RuntimeError as error:
    print(error)
