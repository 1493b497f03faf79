import asyncio
import time


def blocking(n):
    time.sleep(0.02)
    return n * 2


async def main():
    start = time.monotonic()
    results = await asyncio.gather(*(asyncio.to_thread(blocking, n) for n in range(4)))
    return results, time.monotonic() - start < 5


print(asyncio.run(main()))
