#!/usr/bin/env python3
"""Makes the seeds of tests/fuzz/seeds that are not texts to be written by hand: small, valid inputs from which
a fuzz target starts. Run it in the project's folder after a format has changed; the seeds are committed."""
import gzip
import json
import os
import struct

SEEDS = "tests/fuzz/seeds"


def seed(target, name, data):
    os.makedirs(f"{SEEDS}/{target}", exist_ok=True)
    with open(f"{SEEDS}/{target}/{name}", "wb") as out:
        out.write(data if isinstance(data, bytes) else data.encode())


def databases():
    """A reader's number (tests/hostile.h), then changes of 8 bytes (tests/fuzz/changed.h)."""
    readers = "status front best compare importance page compare-page check confirm lists".split()
    cell = bytes([0, 15, 2, 3, 6, 0, 0, 0])  # metric.value of row 3: infinite
    page = bytes([1, 0, 16, 0, 255, 1, 0, 0])  # a byte of the second page
    for number, name in enumerate(readers):
        seed("fuzz_database", name, bytes([number]))
        seed("fuzz_database", f"{name}-cell", bytes([number]) + cell)
        seed("fuzz_database", f"{name}-page", bytes([number]) + page)
    for i, value in enumerate((0, 3, 6, 9, 12, 15, 2, 5)):  # of table detail
        seed("fuzz_database", f"detail-{i}", bytes([5, 0, 28, i, i, value, i & 1, 0, 0]))
    seed("fuzz_database", "page-tiny", bytes([5, 0, 9, 32, 0, 8, 0, 0, 15]))  # a cost of 1e-320
    seed("fuzz_resume", "same", b"\1")
    for table in (0, 1, 5, 9, 12, 15, 18):  # study to front
        seed("fuzz_resume", f"table-{table}", bytes([0, table, 2, 1, 3, 0, 0, 0]))
    seed("fuzz_resume", "page", page)
    seed("fuzz_resume", "run-id", bytes([2, 129, 0, 3, 1, 0, 0, 0]))  # -1


def run_states():
    """Which run, then 3 bytes of where and 8 of what (fuzz_run_state.c)."""
    nan, many = struct.pack("<d", float("nan")), struct.pack("<q", 2**63 - 1)
    for run in range(5):
        seed("fuzz_run_state", f"{run}-same", bytes([run]))
        for name, at, value in (("next", 0, many), ("seconds", 8, nan), ("first", 16, many),
                                ("second", 24, many), ("far", 5000, nan)):
            seed("fuzz_run_state", f"{run}-{name}", bytes([run, at & 255, at >> 8, 0]) + value)


def packed():
    rows = bytes(range(64)) * 4
    whole = gzip.compress(rows, mtime=0)
    seed("fuzz_packed", "whole.gz", whole)
    seed("fuzz_packed", "two.gz", whole + gzip.compress(b"more", mtime=0))
    seed("fuzz_packed", "cut.gz", whole[:-6])
    seed("fuzz_packed", "large.gz", gzip.compress(bytes(1 << 17), mtime=0))
    seed("fuzz_packed", "plain", rows)


ANSWERS = {
    "metrics": {"trial": 7, "metrics": {"loss": 0.31, "seconds": 1.9}},
    "all": {"trial": 7, "metrics": {"error": 0.1, "kl": 2e-3}, "stderr": {"error": 0.004},
            "curve": {"loss": [[50, 2.3], [100, 1.1]]}},
    "error": {"trial": 7, "error": "out of memory", "kind": "oom"},
    "retries": {"trial": 7, "metrics": {"error": 0.1},
                "retort": {"retries": 1, "notes": ["attempt 1: no answer"]}},
}
JOB = {"trial": 7, "attempt": 1,
       "architecture": {"depth": 2, "width": 32, "head_dim": 16, "patch": 7, "heads": [1, 3],
                        "ffn": [32, 64]},
       "text": "L2-d32-k16-h1.3-f32.64-p7", "rung": 0, "budget": 0, "seed": 11, "metrics": ["error"]}


def lines():
    for name, answer in ANSWERS.items():
        seed("fuzz_answer", name, json.dumps(answer))
    seed("fuzz_answer", "not-finite", '{"trial": 7, "metrics": {"error": NaN, "kl": -Infinity}}')
    seed("fuzz_job", "first", json.dumps(JOB))
    seed("fuzz_job", "child", json.dumps({**JOB, "inherits": 3, "replicate": 1}))
    said = "".join(json.dumps({**a, "trial": n}) + "\n" for n, a in enumerate(ANSWERS.values()))
    words = "Traceback (most recent call last):\n\033[31mValueError: no\033[0m\n"
    for name, errors, out in (("lines", "", said), ("both", words, said), ("no-end", words, "{"),
                              ("long", "", "x" * 5000 + "\n" + said)):
        seed("fuzz_process", name, struct.pack("<H", len(errors)) + (errors + out).encode())


def frames():
    hello = {"slots": 2, "version": "0.1.0", "build": "0" * 32, "kernels": "v3", "blas": "0.3.21",
             "libc": "2.36", "core": "Haswell", "host": "a", "cpu": "b", "governor": "c",
             "system": "d", "cores": 2, "memory": 1 << 33}
    files = {"own": False, "weights": True, "study": "/s/study.yaml",
             "db": ["/s/study.db", "0" * 32], "files": [["/s/images.gz", "1" * 32, False]]}

    def frame(kind, text="", data=b"", number=7, key=5, attempt=1, seat=0):
        text = text if isinstance(text, str) else json.dumps(text)
        return b"RTRT" + struct.pack("<HHqQIIII", 1, kind, number, key, attempt, seat, len(text),
                                     len(data)) + text.encode() + data

    weights = struct.pack("<q", 3) + b"2" * 32
    for name, made in {
        "hello": frame(1, hello, number=-1), "held": frame(2), "idle": frame(3, number=2),
        "beat": frame(4, data=struct.pack("<2q", 7, 8)),
        "result": frame(5, ANSWERS["all"], b"2" * 32), "retried": frame(5, ANSWERS["retries"]),
        "failed": frame(5, ANSWERS["error"]), "back": frame(6, "asked to stop"),
        "welcome": frame(8, files, seat=1), "refused": frame(9, "other kernels"),
        "job": frame(11, JOB, weights), "over": frame(14, "500 trials"),
        "get": frame(15, "/s/images.gz", key=4096),
        "piece": frame(16, "/s/images.gz", bytes(range(64)), number=4160, key=4096),
    }.items():
        seed("fuzz_wire", name, made)


def settings():
    begun = {"kernels": "v3", "core": "Haswell", "search": 9, "booleans": True,
             "study": "../study.yaml", "micro_batch": {"16": 4, "32": 8}, "openblas": [32]}
    seed("fuzz_settings", "begun", json.dumps(begun))
    seed("fuzz_settings", "external", json.dumps({**begun, "kernels": "none", "micro_batch": {},
                                                  "openblas": []}))
    seed("fuzz_settings", "rows", json.dumps({**begun, "rows": "3" * 32, "root": "root"}))
    seed("fuzz_settings", "early", '{"kernels":"plain","study":"/a/s.yaml",'
                                   '"micro_batch":{"24":4},"openblas":[]}')


def arrays():
    def npy(shape, kind, data):
        head = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"
        head += " " * ((-len(head) - 11) % 64) + "\n"
        return b"\x93NUMPY\1\0" + struct.pack("<H", len(head)) + head.encode() + data

    floats = npy("(2, 3)", "<f4", struct.pack("<6f", *range(6)))
    seed("fuzz_npy", "floats", floats)
    seed("fuzz_npy", "rows", npy("(4,)", "<i8", struct.pack("<4q", 0, 1, 5, 9)))
    seed("fuzz_npy", "bytes", npy("(2, 2, 2)", "|u1", bytes(range(8))))
    seed("fuzz_idx", "labels", struct.pack(">HBBI", 0, 8, 1, 4) + bytes([0, 1, 2, 9]))
    seed("fuzz_idx", "images", struct.pack(">HBBIII", 0, 8, 3, 2, 2, 2) + bytes(range(8)))
    seed("fuzz_idx", "colour", struct.pack(">HBBIIII", 0, 8, 4, 2, 2, 2, 2) + bytes(range(16)))
    head = {"__metadata__": {"arch": "L1-d8-k8-h1-f16-p14"},
            "head.weight": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}}
    head = json.dumps(head)
    seed("fuzz_safetensors", "line", head + "\n" + "0" * 16)
    seed("fuzz_safetensors", "file", struct.pack("<Q", len(head)) + head.encode() + bytes(16))


if __name__ == "__main__":
    for make in (databases, run_states, packed, lines, frames, settings, arrays):
        make()
