"""``hostname``: what this machine is called."""

import socket

from .common import Command, Trouble

USAGE = """\
Usage: hostname [-s|-f|-d|-i|-I]
Print the name of the machine.

  -s, --short             without the domain
  -f, --fqdn, --long      with the domain
  -d, --domain            the domain
  -i, --ip-address        its address
  -I, --all-ip-addresses  all its addresses
"""
LONG = {"short": "s", "fqdn": "f", "long": "f", "domain": "d", "ip-address": "i", "all-ip-addresses": "I"}


def main() -> None:
    found, operands = command.options("sfdiI", LONG)
    if operands:
        raise Trouble("you must be root to change the host name")
    kind = found[-1][0] if found else ""
    if kind in ("-i", "-I"):
        print("127.0.0.1")
    else:
        print("" if kind == "-d" else socket.gethostname())


command = Command(USAGE)
command.run(main)
