# A policy from recorded trajectories alone, and what is wrong with them.
command -v python3 >/dev/null || { skip python3; exit 0; }

cat >arrays.py <<'PY'
import random, struct

def save(name, kind, shape, values):
    text = "{'descr': '%s', 'fortran_order': False, 'shape': %s, }" % (kind, shape)
    text += " " * (117 - len(text)) + "\n"
    with open(name, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode())
        file.write(struct.pack("<%d%s" % (len(values), "f" if kind == "<f4" else "q"), *values))

draw = random.Random(1)
states = [draw.uniform(-1, 1) for _ in range(400)]
save("states.npy", "<f4", (200, 2), states)
save("actions.npy", "<f4", (200, 1), [states[i] - .5 * states[i + 1] for i in range(0, 400, 2)])
save("ends.npy", "<i8", (10,), [20 * e + 19 for e in range(10)])
PY
python3 arrays.py
cat >study.yaml <<'YAML'
name: recorded
task: policy
store: one.db
environment:
  recorded: {observations: states.npy, actions: actions.npy, ends: ends.npy}
rollouts: {base: 16, rounds: 1, episodes: 1, drive: teacher, perturb: 0}
evaluate: {episodes: 12, test_episodes: 12}
teachers: {cache: teachers, members: [{name: who, command: {}}]}
space: {history: [1], depth: [1], width: [16], head_dim: [8], heads: [1, 2], ffn: [16]}
distill: {steps: 300, batch: 32}
search: {trials: 2, objectives: [gap, params]}
latency: {warmup: 1, samples: 3}
YAML

expect_exit 0 "$retort" doctor study.yaml
expect_exit 0 "$retort" search study.yaml
gap=$(sqlite3 one.db "select max(value) from metric where name = 'gap'")
awk -v gap="$gap" 'BEGIN { exit !(gap < 0.2 && gap > -0.1) }'
[ "$(sqlite3 one.db "select count(*) from metric where name = 'kl' and value < 1")" = 2 ]

# ---- what is wrong, in a line ----
refused() { # SED WORDS
  sed "$1" study.yaml >bad.yaml
  expect_exit 1 "$retort" search bad.yaml --db none.db
  expect_line stderr "$2"
}
refused 's/drive: teacher/drive: mix/' 'give drive: teacher'
refused 's/ actions: actions.npy,//' 'give actions, or labels'
refused 's/ actions:/ labels:/' 'give says'
refused 's/observations: states/observations: ends/' 'ends.npy'
refused 's/recorded: {/name: pendulum\n  recorded: {/' 'give name, command or'
