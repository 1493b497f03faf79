from concurrent.futures import ThreadPoolExecutor


def inner(n):
    return n + 1


def outer(n):
    with ThreadPoolExecutor(2) as executor:
        return sum(executor.map(inner, range(n)))


with ThreadPoolExecutor(3) as executor:
    print(list(executor.map(outer, range(5))))
