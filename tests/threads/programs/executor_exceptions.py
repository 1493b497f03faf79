from concurrent.futures import ThreadPoolExecutor, as_completed


def divide(a, b):
    return a / b


with ThreadPoolExecutor() as executor:
    futures = [executor.submit(divide, 10, n) for n in (5, 0, 2)]
    for future in futures:
        try:
            print(future.result())
        except ZeroDivisionError as error:
            print("error:", error)
