from multiprocessing.pool import ThreadPool

with ThreadPool(4) as pool:
    print(pool.map(lambda x: x * x, range(6)))
    print(pool.starmap(pow, [(2, 3), (3, 2)]))
    print(pool.apply_async(len, ("abc",)).get(timeout=5))
    print(sorted(pool.imap_unordered(str, range(4))))
