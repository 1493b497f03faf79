"""Benchmarks: ``python -m tests.benchmarks``. Every figure comes from one run on one machine.

What is compared is measured in turns (ours, native, ours, native, …), so that a machine that speeds up or
slows down meanwhile does so for both. Nothing here is a test: tests never look at a clock.
"""
