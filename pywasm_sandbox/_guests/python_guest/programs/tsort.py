"""``tsort``: an order in which each comes before those that depend on it."""

from .common import Command, Trouble, opened

USAGE = """\
Usage: tsort [FILE]
Write the words of FILE, or standard input, in an order that is consistent with its pairs of words: in
each, the first comes before the second.
"""


class Graph:
    """Words, what each comes before, and how many come before it."""

    def __init__(self) -> None:
        self.after: dict[str, list[str]] = {}
        self.before: dict[str, int] = {}

    def add(self, first: str, second: str) -> None:
        for word in (first, second):
            self.after.setdefault(word, [])
            self.before.setdefault(word, 0)
        if first != second:
            # The last one added is let go first, as in Knuth's algorithm T.
            self.after[first].insert(0, second)
            self.before[second] += 1

    def show(self) -> None:
        """Write them. Of words in a circle say so, and go on without one relation."""
        while self.before:
            ready = [word for word in sorted(self.before) if not self.before[word]]
            while ready:
                word = ready.pop(0)
                print(word)
                del self.before[word]
                for other in self.after.pop(word):
                    self.before[other] -= 1
                    if not self.before[other]:
                        ready.append(other)
            if self.before:
                self.cut()

    def cut(self) -> None:
        """Find a loop, as GNU's does from words to what comes before them, and take a relation out."""
        words = sorted(self.before)
        came_from: dict[str, str] = {}
        at = words[0]
        while True:
            for word in words:
                if at not in self.after[word]:
                    continue
                if word in came_from:
                    self.remove(word, at, came_from)
                    return
                came_from[word] = at
                at = word

    def remove(self, first: str, second: str, came_from: dict[str, str]) -> None:
        command.complain(f"{name}: input contains a loop:")
        word = second
        command.complain(word)
        while word != first:
            word = came_from[word]
            command.complain(word)
        self.after[first].remove(second)
        self.before[second] -= 1


name = "-"


def main() -> None:
    global name
    _, operands = command.options("")
    if operands[1:]:
        command.misused(f"extra operand '{operands[1]}'")
    name = operands[0] if operands else "-"
    with opened(name) as file:
        words = file.read().decode("utf-8", "surrogateescape").split()
    if len(words) % 2:
        raise Trouble(f"{name}: input contains an odd number of tokens")
    graph = Graph()
    for first, second in zip(words[::2], words[1::2], strict=True):
        graph.add(first, second)
    graph.show()


command = Command(USAGE)
command.run(main)
