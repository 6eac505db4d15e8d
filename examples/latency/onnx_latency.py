"""How long ONNX Runtime takes for a call of students that were exported; needs onnxruntime and numpy.

    retort export study.db 7 -o student.onnx
    retort latency study.db 7 --host onnxruntime --command 'python3 onnx_latency.py study.db'

A program for `retort latency --command` (docs/latency.md): of each architecture that it is asked for it times the
newest .onnx file in the study's table `exported`, with `int8` behind the database's name that of int8 weights. The
figures are rows of the host that --host names, and stand beside the files on the report's page.
"""
import json
import os
import sqlite3
import sys
import time

import numpy
import onnxruntime

database, precision = sys.argv[1], (sys.argv[2:] or ["float"])[0]
KINDS = {"tensor(uint8)": numpy.uint8, "tensor(float)": numpy.float32, "tensor(int64)": numpy.int64, "tensor(bool)": bool}


def graph_of(arch, any_will_do):
    study = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    rows = study.execute(
        "select path from exported join candidate on candidate.id = candidate where (arch = ? or ?)"
        " and format = 'onnx' and precision = ? order by finished desc", (arch, any_will_do, precision))
    for (path,) in rows:
        for file in (path, os.path.join(os.path.dirname(database), path)):
            if os.path.exists(file):
                return file
    raise ValueError(f"no ONNX file of {arch} ({precision}): retort export {database} {arch} -o FILE.onnx")


def bound(graph, threads, batch):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    length, binding = int(session.get_modelmeta().custom_metadata_map.get("length", 1)), session.io_binding()
    for given in session.get_inputs():
        shape = [size if isinstance(size, int) else batch if i == 0 else length for i, size in enumerate(given.shape)]
        value = numpy.full(shape, length) if given.name == "lengths" else numpy.random.default_rng(1).integers(0, 2, shape)
        binding.bind_cpu_input(given.name, value.astype(KINDS[given.type]))
    for said in session.get_outputs():
        binding.bind_output(said.name)
    return session, binding


def block(graph, request):
    session, binding = bound(graph, request["threads"], request["batch"])
    for _ in range(request["warmup"] + 10):
        session.run_with_iobinding(binding)
    times, end = [], time.perf_counter() + 0.01
    while len(times) < max(request["calls"], 30) or time.perf_counter() < end:
        start = time.perf_counter_ns()
        session.run_with_iobinding(binding)
        times.append(time.perf_counter_ns() - start)
    p10, median, p90 = numpy.percentile(times, (10, 50, 90))
    return {"calls": len(times), "p10": p10, "median": median, "p90": p90}


with open("/proc/cpuinfo") as file:
    cpu = next((line.split(": ")[1].strip() for line in file if line.startswith("model name")), "unknown")
about = {"cpu": cpu, "cores": os.cpu_count(), "kernels": f"onnxruntime {onnxruntime.__version__}"}
for line in sys.stdin:
    try:
        asked = json.loads(line)
        file = graph_of(asked["arch"], asked["seconds"] == 0)  # 0: only to see that it answers; no figure is kept
        answer = {**about, "blocks": [block(file, asked) for _ in range(asked["blocks"])]}
    except Exception as why:  # it is told, and the next question is answered
        answer = {"error": str(why)}
    print(json.dumps(answer), flush=True)
