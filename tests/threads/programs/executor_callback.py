from concurrent.futures import ThreadPoolExecutor

results = []
with ThreadPoolExecutor(max_workers=2) as executor:
    for n in range(4):
        executor.submit(pow, n, 2).add_done_callback(lambda f: results.append(f.result()))
print(sorted(results))
