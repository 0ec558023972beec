"""`python -m benchmarks [names] [--trades N] [--rounds N] [--save]`; exit code 1 if a target was missed."""

import argparse
import sys
import time

from . import append, client, coldstart, data, http, importing, late, read
from .harness import ROOT, Result, Scale, conditions, console, save, show

BENCHMARKS = {
    "read": read.run,
    "append": append.run,
    "late": late.run,
    "http": http.run,
    "client": client.run,
    "import": importing.run,
    "coldstart": coldstart.run,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="dev.py bench", description="Measure what TRUEEDGE claims about speed.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"{', '.join(BENCHMARKS)}; all if none is given")
    parser.add_argument("--trades", type=int, default=data.TRADES, help="trades in the large store (1,000,000)")
    parser.add_argument("--events", type=int, default=0, help="events that `import` posts (40,000)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that the medians are taken over (5)")
    parser.add_argument("--save", action="store_true", help="write the outcome to benchmarks/results/")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.names if name not in BENCHMARKS]:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    if arguments.trades < 2_000 or arguments.rounds < 1:
        parser.error("--trades is at least 2000, --rounds at least 1")
    scale = Scale(arguments.trades, arguments.rounds, arguments.events)
    start, results = time.monotonic(), list[Result]()
    for name in arguments.names or BENCHMARKS:
        results += BENCHMARKS[name](scale)
    took = time.monotonic() - start
    for line in conditions(scale, took):
        print(line)
    show(results)
    if arguments.save:
        console.print(f"written to {save(results, scale, took).relative_to(ROOT)}")
    return int(any(result.passed is False for result in results))


if __name__ == "__main__":
    sys.exit(main())
