from multiprocessing.dummy import Pool as ThreadPool

pool = ThreadPool(3)
results = pool.map(str.upper, ["a", "b", "c"])
pool.close()
pool.join()
print(results)
