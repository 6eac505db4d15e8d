# A policy from its teacher to a front, a distilled student and an episode; the same rows for any
# number of workers and after kill -9; and what is wrong with environments, in a line each.
. "$project/tests/cli/toy.bash"
. "$project/tests/cli/elsewhere.bash"

cat >toy.yaml <<'YAML'
name: toy
task: policy
seed: 3
store: toy.db
environment: {name: pendulum, observe: [0, 1], horizon: 60}
rollouts: {base: 4, rounds: 3, episodes: 3, replay: per}
evaluate: {episodes: 6, test_episodes: 8}
teachers:
  cache: teachers
  members: [{name: vi, table: {}}]
space:
  tie: uniform
  history: [2, 4]
  depth: [1]
  width: [8, 12]
  head_dim: [4]
  heads: [1, 2]
  ffn: [8, 16]
distill: {steps: 40, batch: 16}
full: {steps: 60}
gates: {return_retention: 0.01, params_reduction: 0.5}
search: {trials: 8, initial: 4, objectives: [gap, params, macs]}
latency: {warmup: 1, samples: 3}
YAML

# by what only students visit, which the ensemble has by definition; and what follows may be for PyTorch
sed 's/objectives: .*/objectives: [visited_kl, params]}/; $ a after: {distill: best, export: torch}' toy.yaml >visited.yaml
expect_exit 0 "$retort" search visited.yaml --db visited.db --trials 2 --no-after
[ "$(sqlite3 -readonly visited.db "select count(*) from metric where name = 'visited_kl' and value >= 0")" = 2 ]
expect_exit 0 "$retort" doctor visited.yaml

# what has no label has no likelihood of one
expect_exit 0 "$retort" teach toy.yaml
grep -Eq '^vi .* 0\.00       -       -    100\.0 % ' stdout
[ "$(grep -c nan stdout)" = 0 ]

expect_exit 0 "$retort" doctor toy.yaml
expect_line stdout "'pendulum', 3 numbers seen, 1 actions of 16 bins"
expect_line stdout 'episodes of one seed are the same bits'
expect_line stdout "'vi' returns"
expect_exit 0 "$retort" teach toy.yaml
expect_line stdout 'vi'

# ---- the same rows ----
expect_exit 0 "$retort" search toy.yaml --db one.db --workers 1
[ "$(sqlite3 one.db "select count(*) from trial where state = 'committed'")" = 8 ]
[ "$(sqlite3 one.db "select count(*) from metric where name = 'gap' and stderr > 0")" = 8 ]
[ "$(sqlite3 one.db "select count(*) from metric where name = 'visited_kl'")" = 8 ]
expect_exit 0 "$retort" search toy.yaml --db two.db --workers "$two"
"$project/tests/compare_rows" one.db two.db
"$retort" search toy.yaml --db killed.db --workers "$two" 2>/dev/null &
until [ "$(sqlite3 -readonly killed.db "select count(*) > 3 from trial where state = 'committed'" \
  2>/dev/null)" = 1 ]; do sleep 0.01; done
kill -9 $! || true
wait $! 2>/dev/null || true
expect_exit 0 "$retort" search toy.yaml --db killed.db
"$project/tests/compare_rows" one.db killed.db

expect_exit 0 "$retort" bench toy.yaml --seconds 1
expect_line stdout 'episodes that it learns from'
expect_line stdout 'steps a second of CPU time'

# ---- a student ----
first=$(sqlite3 one.db "select min(id) from candidate")
expect_exit 0 "$retort" front one.db
expect_line stdout '-c'
expect_line stdout 'control_rate Hz'
[ "$(sqlite3 one.db "select count(*) from pareto where abs(control_rate * latency - 1000) < 1e-6")" = \
  "$(sqlite3 one.db "select count(*) from front")" ]
expect_exit 0 "$retort" best one.db
expect_line stdout 'control_rate: '
expect_exit 0 "$retort" report one.db -o report.html
grep -q 'one step of control' report.html
grep -q 'control rate, Hz' report.html
expect_exit 0 "$retort" confirm one.db --controls 2 --steps 40
[ "$("$retort" confirm one.db --show --format csv | awk -F, 'NR > 1 && $7 != "" && $8 != ""' | wc -l)" -ge 2 ] # gap of short and full runs
"$retort" distill one.db "$first" -o student.safetensors --gates >stdout 2>stderr || true
expect_line stdout 'retention'
expect_line stdout 'return_retention'
grep -qa '"feature_mean":' student.safetensors
grep -qa '"environment":"pendulum"' student.safetensors

# it leaves as a graph and as C, with what it expects beside it, and answers to states of an episode
expect_exit 0 "$retort" export student.safetensors -o student.onnx
grep -aq next_memory student.onnx
expect_line student.control.json '"name": "sin angle"'
expect_line student.control.json '"control_rate_hz": 20.0'
expect_exit 0 "$retort" export student.safetensors -o student.c --selftest
printf '#include "student.h"\nint main(void) { return student_selftest(); }\n' >main.c
cc -std=c99 -O2 -Wall -Wextra -Wconversion -pedantic -Werror main.c student.c -lm -o run
./run
run_elsewhere main.c student.c
python3 - <<'END'
import struct
head = b"{'descr': '<f4', 'fortran_order': False, 'shape': (5, %d), }"
for name, n in (('states', 2), ('wide', 3)):
    text = (head % n).ljust(117) + b'\n'
    open(f'{name}.npy', 'wb').write(b'\x93NUMPY\x01\x00' + struct.pack('<H', len(text)) + text +
                                    struct.pack(f'<{5 * n}f', *([.1] * (5 * n))))
END
expect_exit 0 "$retort" predict student.safetensors states.npy -o logits.npy --actions actions.npy
expect_line stdout 'logits of 5 steps, 1 components of 16 bins'
[ "$(stat -c %s actions.npy)" = "$((128 + 4 * 5))" ]
expect_exit 1 "$retort" predict student.safetensors wide.npy -o no.npy
expect_one_line stderr
expect_line stderr 'this policy observes 2'

expect_exit 0 "$retort" play one.db "$first" -o play.html --csv play.csv
expect_line stdout 'student'
[ "$(wc -l <play.csv)" = 123 ] # a head, and 60 steps of both and what is seen behind them
[ "$(head -1 play.csv)" = who,step,observation_0,observation_1,observation_2,action_0,return ]
[ "$(grep -c '<svg' play.html)" -ge 1 ]
[ "$(sqlite3 one.db "select count(*) from played where candidate = $first")" = 12 ]
suggested=$(grep -o '<b>Candidate [0-9]*' report.html | grep -o '[0-9]*$')
if grep -q 'id="played"' report.html; then exit 1; fi
expect_exit 0 "$retort" play one.db "$suggested"
expect_exit 0 "$retort" report one.db -o report.html
grep -q 'id="played"' report.html
grep -q 'data-frames=' report.html
expect_exit 0 "$retort" check one.db
expect_exit 1 "$retort" play one.db "$first" -o no/such/folder/play.html
expect_line stderr "cannot write 'no/such/folder/play.html'"

# ---- pixels ----
sed -e 's/name: pendulum, observe: \[0, 1\], horizon: 60/name: pendulum_pixels, horizon: 20/' -e 's/toy/pixels/; s/cache: teachers/cache: seers/' \
  -e 's/history: \[2, 4\]/patch: [12, 28]/; s/, replay: per//; s/trials: 8, initial: 4/trials: 3, initial: 3/' toy.yaml >pixels.yaml
expect_exit 0 "$retort" doctor pixels.yaml
expect_line stdout "'pendulum_pixels', 84x84x2 pixels seen, 1 actions of 16 bins"
expect_exit 0 "$retort" search pixels.yaml --db pixels1.db --workers 1
expect_exit 0 "$retort" search pixels.yaml --db pixels2.db --workers "$two"
"$project/tests/compare_rows" pixels1.db pixels2.db
expect_exit 0 "$retort" distill pixels1.db "$(sqlite3 pixels1.db "select min(id) from candidate")" -o watcher.safetensors
expect_exit 0 "$retort" export watcher.safetensors -o watcher.onnx
grep -q '"pixels": \[' watcher.control.json
expect_exit 0 "$retort" export watcher.safetensors -o watcher.c --reentrant
grep -q 'void watcher_run(struct watcher_memory \*memory, const uint8_t \*pixels, float \*action);' watcher.h
cc -std=c99 -O2 -Wall -Wextra -Wconversion -pedantic -Werror -c watcher.c
python3 - <<'END'
for name, channels in (('frames', 2), ('grey', 1)):
    text = ("{'descr': '|u1', 'fortran_order': False, 'shape': (3, 84, 84, %d), }" % channels).ljust(117) + '\n'
    open(f'{name}.npy', 'wb').write(b'\x93NUMPY\x01\x00\x76\x00' + text.encode() + bytes(3 * 84 * 84 * channels))
END
expect_exit 0 "$retort" predict watcher.safetensors frames.npy -o logits.npy --actions actions.npy
expect_line stdout 'logits of 3 steps, 1 components of 16 bins'
expect_exit 1 "$retort" predict watcher.safetensors grey.npy -o no.npy
expect_line stderr "'grey.npy' is no array of bytes (steps, 84, 84, 2), which this policy reads"

# a trial counts its states and environments before it starts
sed 's/^search: {/&worker_memory: 200000, /' toy.yaml >small.yaml
expect_exit 1 "$retort" search small.yaml --db small.db
[ "$(sqlite3 small.db "select count(*) from failures where error_kind = 'memory'")" = 8 ]

# ---- what is wrong ----
refused() { # SED TEXT
  rm -rf teachers toy.db*
  sed "$1" toy.yaml >wrong.yaml
  expect_exit 1 "$retort" search wrong.yaml
  expect_one_line stderr
  expect_line stderr "$2"
}
refused 's/name: pendulum/name: pendulam/' "pendulam"
refused 's/observe: \[0, 1\]/observe: [0, 3]/' "'pendulum' has components 0 to 2, not 3"
refused 's/horizon: 60/horizon: 0/' 'environment.horizon: 0 is out of range'
refused 's/, replay: per/, regenerate: 2/' 'memory would have none; give keep'
refused 's/table: {}/train: {arch: L1-d8-k4-h1-f8-c4}/' "of the task 'policy' no teacher is made so"
refused 's/name: pendulum/name: cartpole/' 'pendulum'
refused 's/history: \[2, 4\]/patch: [2]/' 'patch'
refused '/history: /d' 'nothing says what students read'
refused 's/environment: {name: pendulum,/environment: {/' 'give name, command or recorded'
refused 's/^seed: 3/seed: 3\ndata: {validation: 9}/' 'what students learn from comes of acting'
refused 's/table: {}/policy: {file: none.safetensors}/' 'none.safetensors'
expect_exit 1 "$retort" doctor wrong.yaml
expect_line stdout 'FAIL  teachers     cannot open'
