#!/usr/bin/env python3
"""table.csv from three stores of table.yaml, each of a search until the whole space had been tried.

  for steps in 90 270 810; do
    sed "s/steps: 270/steps: $steps/; s/table.db/table-$steps.db/" bench/search/table.yaml >table-$steps.yaml
    retort search table-$steps.yaml
  done
  bench/search/table.py table-90.db table-270.db table-810.db >bench/search/table.csv
"""
import sqlite3
import sys

POINTS = 8  # of a learning curve


def read(path):
    """{arch: (params, macs, latency, error, kl, curve)} and the number of steps."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    curves = {}
    for trial, value in db.execute("select trial, value from curve where name = 'ce' order by trial, step"):
        curves.setdefault(trial, []).append(value)
    steps = 1 + db.execute("select max(step) from curve").fetchone()[0]
    rows = {}
    for trial, arch, *values in db.execute(
            "select trial, arch, params, macs, latency, error, kl from leaderboard"):
        curve = curves[trial]
        places = [round(i * (len(curve) - 1) / (POINTS - 1)) for i in range(POINTS)]
        rows[arch] = (*values, " ".join(f"{curve[p]:.3f}" for p in places))
    return steps, rows


def main():
    stores = sorted(read(path) for path in sys.argv[1:])
    heads = [f"{name}_{steps}" for steps, _ in stores for name in ("error", "kl", "curve")]
    print(",".join(["arch", "params", "macs", "latency_ms", *heads]))
    for arch in sorted(stores[-1][1], key=lambda a: (stores[-1][1][a][0], a)):
        params, macs, latency, *_ = stores[-1][1][arch]
        cells = [arch, str(params), str(macs), f"{latency:.4g}"]
        for _, rows in stores:
            *_, error, kl, curve = rows[arch]
            cells += [f"{error:.4f}", f"{kl:.4f}", curve]
        print(",".join(cells))


if __name__ == "__main__":
    main()
