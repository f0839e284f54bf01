#!/usr/bin/env bash
# Prints the Python to make the environment with: of those on PATH that are 3.11 or newer and can make environments, the one
# that runs Python code fastest. Builds of the same release differ by half (profile-guided or not), and the gateway's cost per
# request with them. Shims of version managers and bare system Pythons may neither run nor make environments: they drop out.
set -uo pipefail
trial='
import os, sys, time, venv, ensurepip
if sys.version_info < (3, 11):
    sys.exit(1)

class Item:
    __slots__ = ("name", "value")

    def __init__(self, name, value):
        self.name, self.value = name, value

    def matches(self, text):
        return self.name in text and self.value > 1

def run():
    found = {}
    for number in range(3000):
        item = Item(str(number % 50), number)
        if item.matches("a,10,b,20"):
            found[item.name] = found.get(item.name, 0) + len([each for each in (1, 2, 3) if each > 1])
    return found

best = 1.0
for _ in range(20):
    started = time.perf_counter()
    run()
    best = min(best, time.perf_counter() - started)
print(f"{best:.7f} {os.path.realpath(sys.executable)}")
'
for name in python3.14 python3.13 python3.12 python3.11 python3 python; do
  type -aP "$name"
done | while read -r each; do
  "$each" -c "$trial" 2>/dev/null </dev/null
done | sort -n | head -n 1 | cut -d ' ' -f 2-
