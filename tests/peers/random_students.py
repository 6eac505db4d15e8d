#!/usr/bin/env python3
"""Random architectures of each task through every way out: random_students.py RETORT [COUNT [TASK...]]

Makes small studies of images, texts and policies (pooled by a class token, the mean and the last row; greys and
colours, texts and pairs, components and choices, memories of several steps), trains COUNT (20) students a task
for 200 steps, whose architectures need be no candidates, and compares what each says in floats and in int8 with
`retort predict`: its ONNX graph in ONNX Runtime, int8 as codes and as QDQ; its module in PyTorch, of floats; its
C code by gcc, clang and, where Debian's cross-compiler and QEMU are, on aarch64. Of int8 all sums of all linear
layers are compared, too, those of the graph and of the C code with integers of the file's own codes.

Needs numpy, onnx, onnxruntime, safetensors and torch. Prints a line a form and the largest deviations of each
task. Exit 1 unless floats are within 2e-5 and of the same class, sums equal, and int8 logits within what
docs/student.md says of them (rows beyond 1e-4 at most 3 %, mean difference 3e-4, other classes 0.05 %).
"""
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

import numpy
import onnx
import onnxruntime
import torch
from safetensors.numpy import load_file

import c_students
from onnx_logits import texts

retort = os.path.abspath(sys.argv[1])
count = int(sys.argv[2]) if len(sys.argv) > 2 else 20
tasks = sys.argv[3:] or ["image", "text", "policy"]
draw = random.Random(7)
numbers = numpy.random.default_rng(7)
torch.set_num_threads(1)
worst = {}  # (task, way) -> [largest difference, rows, beyond 1e-4, sum of means, other classes]
failed = []

REST = """
distill: {{steps: 60, batch: 12, learning_rate: 0.02, quantise: ptq, ptq_rows: 20}}
search: {{trials: 1, initial: 3, objectives: [{first}, params]}}
latency: {{warmup: 1, samples: 3}}
"""
IMAGES = """task: image
data: {{format: npy, train_images: x.npy, train_labels: y.npy, validation: 30}}
teachers: {{members: [{{name: one, train: {{arch: L1-d8-k8-h1-f8-p4, epochs: 1}}}}]}}
space: {{tie: uniform, depth: [1], width: [8], head_dim: [8], heads: [1], ffn: [8], patch: [4], pool: {pool}}}
"""
TEXTS = """task: text
data: {{format: tsv, train: x.tsv, length: 128, validation: 60{pairs}}}
teachers: {{members: [{{name: one, train: {{arch: L1-d8-k8-h1-f8-v60, epochs: 1}}}}]}}
space: {{tie: uniform, depth: [1], width: [8], head_dim: [8], heads: [1], ffn: [8], vocabulary: [40, 60], pool: {pool}}}
"""
POLICIES = """task: policy
environment: {{{environment}}}
actions: {{{actions}}}
rollouts: {{base: 4, rounds: 2, episodes: 2}}
evaluate: {{episodes: 4, test_episodes: 4}}
teachers: {{members: [{{name: one, {teacher}}}]}}
space: {{tie: uniform, depth: [1], width: [8], head_dim: [8], heads: [1], ffn: [8], history: [2], pool: {pool}}}
"""
PENDULUM = "name: pendulum, observe: [0, 1], horizon: 40, previous_action: "
POLE = "name: cartpole, horizon: 40, previous_action: "
LEARNT = "ppo: {steps: 1024, width: [16], steps_each: 64, epochs: 2, seed: 1}"


def run(*words, **more):
    done = subprocess.run([str(word) for word in words], capture_output=True, **more)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, words))}: {done.stderr.decode().strip()[-400:]}")
    return done.stdout


# ---- studies: a folder each, with a database of one trial ----


def image_data(folder, height, width, channels):
    labels = numbers.integers(0, 5, 150)
    pixels = numbers.integers(0, 120, (150, height, width, channels))
    pixels[numpy.arange(150), labels] += 130  # a bright line, whose height is the class
    numpy.save(f"{folder}/x.npy", pixels.astype(numpy.uint8))
    numpy.save(f"{folder}/y.npy", labels)
    numpy.save(f"{folder}/data.npy", numbers.integers(0, 256, (100, height, width, channels)).astype(numpy.uint8))
    return f"{folder}/data.npy"


def text_data(folder, pairs):
    words = "the day night sea hill town road cat dog runs sits".split()

    def text(label):
        some = draw.choices(words, k=draw.randint(1, 9))
        some.insert(draw.randrange(len(some) + 1), "warm" if label else "cold")
        return " ".join(some)

    with open(f"{folder}/x.tsv", "w") as file:
        print("text\ttext_b\tlabel" if pairs else "text\tlabel", file=file)
        for i in range(300):
            print(text(i % 2), *([text(i % 2)] if pairs else []), ["cold", "warm"][i % 2], sep="\t", file=file)
    with open(f"{folder}/data.txt", "w") as file:
        for i in range(100):
            print(text(i % 2), *([text(i // 2 % 2)] if pairs else []), sep="\t", file=file)
    return f"{folder}/data.txt"


def studies(task):
    """(folder, data; of policies None) of each kind, with a study that was begun."""
    kinds = {
        "image": [IMAGES.format(pool=pool) for pool in ("class", "mean", "last")],
        "text": [
            TEXTS.format(pool=pool, pairs=", text: text, text_b: text_b" if pairs else "")
            for pool, pairs in (("class", False), ("mean", True), ("last", False), ("last, post_norm: true", True),
                                ("mean, post_norm: true", False))
        ],
        "policy": [
            POLICIES.format(environment=environment, actions=actions, teacher=teacher, pool=pool)
            for environment, actions, teacher, pool in (
                (PENDULUM + "true", "bins: 16", "table: {}", "last"),
                (POLE + "true", "bins: 2", LEARNT, "last"),
                (PENDULUM + "false", "bins: 7, grid: inner, read: mode", "table: {}", "mean"),
                (POLE + "false", "bins: 2", LEARNT, "class"),
            )
        ],
    }[task]
    for number, text in enumerate(kinds):
        folder = f"{root}/{task}{number}"
        os.mkdir(folder)
        data = None
        if task == "image":
            data = image_data(folder, *((12, 12, 1), (12, 8, 3), (8, 8, 1))[number])
        elif task == "text":
            data = text_data(folder, "text_b" in text)
        study = f"name: random\nseed: {number}\nstore: study.db\n" + text
        study += REST.format(first="gap" if task == "policy" else "error")
        open(f"{folder}/study.yaml", "w").write(study)
        run(retort, "search", f"{folder}/study.yaml", "--trials", 1)
        yield folder, data, number


def architecture(task, folder, number):
    depth = draw.randint(1, 4)
    layers = [1] if draw.random() < 0.5 else range(depth)
    wide = number % 5 == 4  # more inputs than sums in floats are exact for

    def per(most):
        return ".".join(str(draw.randint(1, most)) for _ in layers)

    ffn = ".".join("1040" for _ in layers) if wide else per(48)
    arch = f"L{depth}-d{draw.randint(3, 40)}-k{draw.randint(1, 12)}-h{per(5)}-f{ffn}"
    if task == "text":
        return arch + draw.choice(["", f"-e{draw.randint(2, 12)}"]) + f"-v{draw.choice([40, 60])}"
    if task == "policy":
        return arch + f"-c{draw.randint(1, 6)}"
    height, width = numpy.load(f"{folder}/data.npy", mmap_mode="r").shape[1:3]
    return arch + f"-p{draw.choice([p for p in (1, 2, 3, 4, 8, height) if height % p == width % p == 0])}"


# ---- what is said ----


def observations(graph):
    """100 steps within what was seen in training."""
    contract = json.load(open(graph[:-5] + ".control.json"))["observation"]
    least, most = ([one[key] for one in contract] for key in ("least", "most"))
    return numbers.uniform(least, most, (100, len(least))).astype(numpy.float32)


def open_graph(graph):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(graph, options)


def onnx_answers(task, session, inputs):
    """Logits and, of policies, actions: step by step, the memory handed from call to call."""
    if task != "policy":
        return session.run(["logits"], inputs)[0], None
    names = [output.name for output in session.get_outputs()]
    memory = {i.name: i.shape for i in session.get_inputs()}.get("memory")
    memory, said = memory and numpy.zeros((1, *memory[1:]), numpy.float32), []
    for t, observed in enumerate(inputs["observation"]):
        feed = {"observation": observed[None]}
        if memory is not None:
            feed |= {"memory": memory, "first": numpy.array([t == 0])}
        said.append(dict(zip(names, session.run(None, feed))))
        memory = said[-1].get("next_memory")
    return (numpy.concatenate([one[name] for one in said]) for name in ("logits", "action"))


def torch_answers(task, folder, inputs):
    scope = {}
    exec(compile(open(f"{folder}/retort_student.py").read(), "retort_student.py", "exec"), scope)
    net = scope["load"](f"{folder}/student.safetensors")
    given = {name: torch.from_numpy(values) for name, values in inputs.items()}
    with torch.inference_mode():
        if task == "image":
            return net(given["pixels"].permute(0, 3, 1, 2).float() / 255).numpy(), None
        if task == "text":
            mask = torch.arange(given["ids"].shape[1]) < given["lengths"][:, None]
            return net(given["ids"], mask, given.get("segments")).numpy(), None
        memory, said = None, []
        for observed in given["observation"]:
            action, logits, memory = net.step(observed[None], memory)
            said.append((logits, action))
        return (torch.cat(part).numpy() for part in zip(*said))


# ---- sums of int8 ----


def codes_of(tensors, name):
    """The matrix (out,in) of a layer, by the names of graphs and of C code."""
    name = re.sub(r"^block\.?(\d+)[._]", r"block.\1.", name.removesuffix("_weight"))
    part = re.search(r"(\.qkv)?\.(q|kv)$", name)
    if not part:
        return tensors[name + ".weight"].astype(numpy.int64)
    whole = tensors[name[: part.start()] + ".qkv.weight"].astype(numpy.int64)
    rows = len(whole) // 3
    return whole[:rows] if part[2] == "q" else whole[rows:]


def graph_sums(graph, tensors, inputs, task):
    """Layers whose sums in ONNX Runtime are the integers, of all layers."""
    model = onnx.load(graph)
    onnx.checker.check_model(model, full_check=True)
    sums = [(n.output[0], n.input) for n in model.graph.node if n.output[0].endswith((".sums", ".integers"))]
    sums = {name: given for name, given in sums if len(given) == 2}  # products, not casts
    made = {n.output[0]: n for n in model.graph.node}
    wanted = []
    for name, given in sums.items():
        codes = given[0]
        wanted.append((name.rsplit(".", 1)[0], name, made[codes].input[0] if codes.endswith(".rounded") else codes))
    for _, name, codes in wanted:
        for value in (name, codes):
            if value not in [o.name for o in model.graph.output]:
                model.graph.output.append(onnx.ValueInfoProto(name=value))
    session = open_graph(model.SerializeToString())
    if task == "policy":
        first = {"observation": inputs["observation"][:50]}
        for i in session.get_inputs():
            if i.name == "memory":
                first["memory"] = numbers.normal(size=(50, *i.shape[1:])).astype(numpy.float32)
            elif i.name == "first":
                first["first"] = numpy.arange(50) % 2 == 0
        inputs = first
    names = [o.name for o in session.get_outputs()]
    got = dict(zip(names, session.run(None, inputs)))
    equal = 0
    for layer, name, codes in wanted:
        want = got[codes].astype(numpy.int64) @ codes_of(tensors, layer).T
        equal += bool((got[name].astype(numpy.int64) == want).all() and (got[name] == want).all())
    return equal, len(wanted)


# ---- one student ----


def compare(task, way, got, want, int8, policy=None):
    """policy: (actions, wanted ones, range); of other tasks classes are compared."""
    want = want[: len(got)]
    gap = abs(got - want).max(1)
    other = (got.argmax(1) != want.argmax(1)).sum()
    if policy:
        wanted = policy[1][: len(got)]
        other = (abs(policy[0].reshape(wanted.shape) - wanted).max(1) > 1e-3 * policy[2]).sum()
    tell = worst.setdefault((task, way, "int8" if int8 else "float"), [0, 0, 0, 0, 0])
    tell[0] = max(tell[0], gap.max())
    tell[1] += len(gap)
    tell[2] += (gap > 1e-4).sum()
    tell[3] += gap.sum()
    tell[4] += other
    if not int8 and (not gap.max() <= 2e-5 or other):
        failed.append(f"{task} {way}: {gap.max():.2g}, {other} other")
    return f"{way} {gap.max():.1e}" + (f" ({other} other)" if other else "")


def student(task, folder, data, arch, number):
    weights = f"{folder}/w.safetensors"
    run(retort, "distill", f"{folder}/study.db", arch, "--steps", 200, "-o", weights)
    inputs = None
    for form in (weights, f"{folder}/w.int8.safetensors"):
        int8, graph = ".int8." in form, f"{folder}/w.onnx"
        run(retort, "export", form, "-o", graph)
        if task == "policy" and not inputs:
            inputs = {"observation": observations(graph)}
            data = f"{folder}/data.npy"
            numpy.save(data, inputs["observation"])
        elif task == "text":
            tokens = int(open_graph(graph).get_modelmeta().custom_metadata_map["length"])
            inputs = texts(data, graph.replace(".onnx", ".vocab.txt"), tokens)
        elif task == "image":
            inputs = {"pixels": numpy.load(data)}
        actions = ["--actions", f"{folder}/a.npy"] if task == "policy" else []
        run(retort, "predict", form, data, "-o", f"{folder}/l.npy", *actions)
        want, span = numpy.load(f"{folder}/l.npy"), 4 if "pendulum" in open(f"{folder}/study.yaml").read() else 1
        acts = numpy.load(f"{folder}/a.npy") if actions else None
        line = []

        def tell(way, logits, done):
            line.append(compare(task, way, logits, want, int8, (done, acts, span) if actions else None))

        tell("onnx", *onnx_answers(task, open_graph(graph), inputs))
        if int8:
            equal, layers = graph_sums(graph, load_file(form), inputs, task)
            line.append(f"sums equal in {equal} of {layers} layers")
            failed.extend([f"{task} {arch}: sums of the graph"] * (equal < layers))
            run(retort, "export", form, "-o", graph, "--form", "qdq")
            tell("qdq", *onnx_answers(task, open_graph(graph), inputs))
        else:
            run(retort, "export", form, "--format", "torch", "-o", f"{folder}/torch")
            tell("torch", *torch_answers(task, f"{folder}/torch", inputs))
        run(retort, "export", form, "-o", f"{folder}/s.c", "--reentrant", "--selftest")
        for way, logits, done in c_students.answers(task, folder, inputs, want.shape[1]):
            tell(way, logits, done)
        if int8:
            equal, calls = c_students.sums(task, folder, inputs, load_file(form), codes_of)
            line.append(f"C's sums equal in {equal} of {calls} calls")
            failed.extend([f"{task} {arch}: sums of C"] * (equal < calls))
        print(f"{task} {number + 1} {arch} {'int8' if int8 else 'float'}:", ", ".join(line), flush=True)


root = tempfile.mkdtemp()
try:
    for task in tasks:
        begun = list(studies(task))
        for number in range(count):
            folder, data, kind = begun[number % len(begun)]
            arch = architecture(task, folder, number)
            try:
                student(task, folder, data, arch, number)
            except (RuntimeError, AssertionError) as error:
                failed.append(f"{task} {arch}: {error}")
                print(failed[-1], flush=True)
finally:
    shutil.rmtree(root)
print("\ntask, way, form: largest difference of a logit, rows, beyond 1e-4, mean of the rows' largest, other classes or actions")
for (task, way, form), (gap, rows, beyond, total, other) in sorted(worst.items()):
    print(f"{task} {way} {form}: {gap:.2g}, {rows}, {beyond / rows:.2%}, {total / rows:.2g}, {other / rows:.3%}")
    if form == "int8" and way != "qdq" and (beyond > 0.03 * rows or total > 3e-4 * rows or other > 5e-4 * rows):
        failed.append(f"{task} {way} int8: beyond what is said of it")
print("\n".join(failed) if failed else f"{count} students of each of {', '.join(tasks)}: all as they should be")
sys.exit(bool(failed))
