import threading

barrier = threading.Barrier(2)
try:
    barrier.wait(timeout=0.02)
except threading.BrokenBarrierError:
    print("broken", barrier.broken)
