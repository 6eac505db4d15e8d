# Commands of the user's on other machines: environments of policies, evaluators, teachers; what is learnt goes along,
# and what is missing there is one clear line.
command -v python3 >/dev/null || { skip python3; exit 0; }
. "$project/tests/cli/toy.bash"
. "$project/tests/cli/far.bash"

# ---- an environment that is a command, beside the study, with a file that it reads where it runs ----
mkdir study
cat >study/env.py <<'PY'
import json, struct, sys

read, write = sys.stdin.buffer, sys.stdout.buffer
pull = float(open("pull.txt").read())   # in the folder of the study file
hello = json.loads(read.readline())
write.write((json.dumps({"version": 1, "environments": hello["environments"], "observation": 2, "horizon": 12,
                         "name": "cart", "action": {"kind": "box", "low": [-1], "high": [1]},
                         "labels": "none"}) + "\n").encode())
write.flush()
state, steps = {}, {}


def say(copy):
    x, v = state[copy]
    return struct.pack("<2d", x, v)


while head := read.read(8):
    op, count = struct.unpack("<2I", head)
    write.write(head)
    for _ in range(count):
        copy, flags, value = struct.unpack("<2IQ" if op == 1 else "<2Id", read.read(16))
        if op == 1:
            state[copy], steps[copy] = ((value % 1000) / 500 - 1, 0.0), 0
            write.write(say(copy))
            continue
        x, v = state[copy]
        v += 0.3 * max(-1, min(1, value)) - pull * x
        state[copy], steps[copy] = (x + 0.3 * v, v), steps[copy] + 1
        write.write(struct.pack("<d2I", -x * x - 0.1 * v * v, 2 if steps[copy] == 12 else 0, 0) + say(copy))
    write.flush()
PY
echo 0.05 >study/pull.txt
cat >study/cart.yaml <<'YAML'
name: cart
task: policy
seed: 3
store: cart.db
environment: {command: [python3, env.py, pull.txt]}
rollouts: {base: 4, rounds: 2, episodes: 3}
evaluate: {episodes: 4, test_episodes: 4}
teachers:
  cache: teachers
  members:
    - {name: learnt, ppo: {steps: 512, width: [16], steps_each: 32, epochs: 2, seed: 1}}
space:
  tie: uniform
  history: [2, 4]
  depth: [1]
  width: [8, 12]
  head_dim: [4]
  heads: [1, 2]
  ffn: [8, 16]
distill: {steps: 20, batch: 16}
search: {trials: 5, initial: 3, window: 4, inherit: parent, objectives: [gap, params]}
latency: {warmup: 1, samples: 3}
YAML
expect_exit 0 "$retort" search study/cart.yaml --db near.db --workers 1
[ "$(sqlite3 near.db "select count(*) from trial where state = 'committed' and error_kind is null")" = 5 ]
# with all sent; and with what is here by links
alone study/cart.yaml sent.db a --copy --slots 2
"$project/tests/compare_rows" near.db sent.db
cmp cache-a/*/root"$PWD"/study/teachers/learnt.safetensors study/teachers/learnt.safetensors
[ ! -L "$(echo cache-a/*/root"$PWD"/study/env.py)" ]
[ "$(sqlite3 sent.db 'select count(*) from checkpoint')" = "$(sqlite3 near.db 'select count(*) from checkpoint')" ]
alone study/cart.yaml linked.db b
"$project/tests/compare_rows" near.db linked.db
# with another teacher, whom the cache does not know
sed 's/seed: 1}}/seed: 2}}/; s/cache: teachers/cache: others/' study/cart.yaml >study/other.yaml
expect_exit 0 "$retort" search study/other.yaml --db other.db --workers 1
alone study/other.yaml again.db a --copy
"$project/tests/compare_rows" other.db again.db

# ---- what is missing on a machine is one line, and nothing is tried there ----
refused() { # STUDY WORDS
  listen "$1" refused.db --workers 0
  expect_exit 1 "${with[@]}" "$retort" worker --connect "$address" --cache "cache-$RANDOM" --copy
  expect_one_line stderr
  expect_line stderr "$2"
  kill "$search"
  wait "$search" || true
  [ "$(sqlite3 refused.db "select count(*) from trial where state in ('committed', 'failed')")" = 0 ]
  rm -f refused.db*
}
mkdir bare
for program in sh env; do ln -s "$(command -v $program)" bare/$program; done
with=(env PATH="$PWD/bare")
refused study/cart.yaml "the study cannot be opened here: retort worker: error: environment 'python3': start: "
cp "$project"/examples/evaluator/tiny.* study
refused study/tiny.yaml "cannot start 'python3' in '"
# what a command names by an absolute path has to be there, and is here where the search is
if [ "$(id -u)" = 0 ] && unshare --mount true 2>/dev/null; then
  mkdir hidden empty
  echo 0.05 >hidden/pull.txt
  sed "s|pull.txt\]|$PWD/hidden/pull.txt]|; s/cache: teachers/cache: hidden/" study/cart.yaml >study/hidden.yaml
  sed "s|command: .*|command: [python3, tiny.py, $PWD/hidden/pull.txt]|" study/tiny.yaml >study/away.yaml
  # shellcheck disable=SC2016  # of the inner one
  with=(unshare --mount sh -c 'mount --bind "$0/empty" "$0/hidden" && exec "$@"' "$PWD")
  for study in hidden away; do
    refused study/$study.yaml "names '$PWD/hidden/pull.txt', which is not on this machine"
    expect_line stderr 'a command of the study'
  done
else
  skip 'a file that one machine alone has (no namespaces here)'
fi
