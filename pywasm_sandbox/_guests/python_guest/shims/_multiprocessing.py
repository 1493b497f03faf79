"""What `multiprocessing` needs to be imported.

It has no semaphores: `multiprocessing.synchronize` then says that the platform lacks them, which libraries
know as the sign to do without processes.
"""
