import asyncio
import threading


async def main():
    loop, queue = asyncio.get_running_loop(), asyncio.Queue()

    def produce():
        for n in range(3):
            loop.call_soon_threadsafe(queue.put_nowait, n)
        loop.call_soon_threadsafe(queue.put_nowait, None)

    threading.Thread(target=produce).start()
    items = []
    while (item := await queue.get()) is not None:
        items.append(item)
    print(items)


asyncio.run(main())
