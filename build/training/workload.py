"""What the interpreter is trained on: a cross-section of what people run in a sandbox, weighted evenly.

No wall-clock time, no unseeded randomness: two runs count the same branches.
"""

import sys

import language_tasks
import library_tasks


def main() -> None:
    tasks = [*language_tasks.TASKS, *library_tasks.TASKS]
    for _ in range(3):
        for function in tasks:
            function()
    print("trained on", len(tasks), "tasks", file=sys.stderr)


if __name__ == "__main__":
    main()
