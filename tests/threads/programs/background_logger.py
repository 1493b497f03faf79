import logging
import logging.handlers
import queue
import sys

records = queue.Queue()
handler = logging.StreamHandler(sys.stdout)
listener = logging.handlers.QueueListener(records, handler)
listener.start()
log = logging.getLogger("app")
log.setLevel(logging.INFO)
log.addHandler(logging.handlers.QueueHandler(records))
for n in range(3):
    log.info("message %d", n)
listener.stop()
