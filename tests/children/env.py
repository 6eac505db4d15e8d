"""An environment for tests: x' = x + action, reward -x^2, over at |x| > 5; labels N(-x, 1). The first
argument says how it misbehaves, if it does."""
import json
import struct
import sys
import time

how = sys.argv[1] if len(sys.argv) > 1 else "well"
stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
if how == "exit":
    sys.exit("no display")
hello = json.loads(stdin.readline())
count = hello["environments"]
if how == "mute":
    time.sleep(60)
said = {"version": 1, "environments": count, "observation": 1, "horizon": 20, "name": "line",
        "action": {"kind": "box", "low": [-1], "high": [1]}, "labels": "gaussian" if hello["labels"] else "none"}
if how == "pixels":
    said["pixels"] = [2, 3, 1]
if how.startswith("{"):
    said.update(json.loads(how))
if how == "grows" and count > 1:
    said["observation"] = 2
stdout.write(("nonsense" if how == "text" else json.dumps(said)).encode() + b"\n")
stdout.flush()
x = [0.0] * count


def state(i, wanted):
    values = [x[i]] + ([-x[i] if wanted else 0.0, 0.0] if hello["labels"] else [])
    frame = bytes([i] * 6) + b"\0\0" if how == "pixels" else b""
    return struct.pack(f"<{len(values)}d", *values) + frame


while len(head := stdin.read(8)) == 8:
    op, n = struct.unpack("<II", head)
    answer = head
    refused = False
    for _ in range(n):
        i, flags = struct.unpack("<II", stdin.read(8))
        if op == 1:
            x[i] = struct.unpack("<Q", stdin.read(8))[0] % 100 / 100
            answer += state(i, True)
            continue
        action, = struct.unpack("<d", stdin.read(8))
        x[i] += action
        refused = refused or (how == "strict" and action == 0.5)
        reward = float("nan") if how == "nan" else -x[i] * x[i]
        answer += struct.pack("<dII", reward, int(abs(x[i]) > 5), 0) + state(i, flags & 1)
    if op == 2 and how == "die":
        print("out of luck", file=sys.stderr)
        sys.exit(3)
    if op == 2 and how == "late":
        time.sleep(60)
    if op == 2 and how == "op":
        answer = struct.pack("<II", 7, n) + answer[8:]
    if op == 2 and how == "more":
        answer += b"\0" * 8
    if op == 2 and (how == "complain" or refused):
        answer = struct.pack("<II", 0xffffffff, 9) + b"bad\nluck!"
    stdout.write(answer)
    stdout.flush()
