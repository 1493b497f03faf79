import time
from concurrent.futures import ThreadPoolExecutor, as_completed


def fetch(url):
    time.sleep(0.01)
    return f"{url}: {len(url)}"


urls = ["https://a.example", "https://bb.example", "https://ccc.example"]
with ThreadPoolExecutor(max_workers=3) as executor:
    futures = {executor.submit(fetch, url): url for url in urls}
    results = {futures[f]: f.result() for f in as_completed(futures)}
for url in urls:
    print(results[url])
