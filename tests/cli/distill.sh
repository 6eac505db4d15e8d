# distill measures a student on the test file, records it, and checks the study's gates.
. "$project/tests/cli/toy.bash"
toy_data
toy_study | sed 's/trials: 12/trials: 3/' >toy.yaml
expect_exit 0 "$retort" search toy.yaml
arch=$(sqlite3 toy.db 'select arch from candidate where id = 1')

expect_exit 0 "$retort" distill toy.db "$arch" --steps 20 -o student.safetensors
expect_line stdout "student            $arch"
expect_line stdout 'accuracy retained'
[ -s student.safetensors ]
python3 - <<'END'
import json
run = json.load(open('student.json'))
assert run['steps'] == 20 and run['gates'] == {}, run
for name in ('error', 'nll', 'brier', 'ece', 'agreement', 'kl', 'reverse_kl', 'total_variation', 'js',
             'accuracy_retention', 'ece_ensemble'):
    assert run['test'][name]['stderr'] is not None, name
assert run['test']['params']['value'] > 0
END
[ "$(sqlite3 toy.db 'select gates, weights from distillations')" = '0|student.safetensors' ]

# no gates in the study as it was: say so before anything is trained
expect_exit 1 "$retort" distill toy.db 1 --gates
expect_one_line stderr
expect_line stderr "sets no gates; add a block \`gates\`, and name the file with --study"

# what would lose the trained student is found before it is trained
for place in nowhere/student.safetensors "$PWD"; do
  expect_exit 1 "$retort" distill toy.db 1 --steps 20 -o "$place"
  expect_one_line stderr
  expect_line stderr "cannot write '$place'"
done
[ "$(sqlite3 toy.db 'select count(*) from distillation')" = 1 ]
sed '/test_/d; s/toy.db/untested.db/' toy.yaml >untested.yaml
expect_exit 0 "$retort" search untested.yaml
expect_exit 0 "$retort" distill untested.db 1 --steps 20
expect_line stdout 'the study names no test file: nothing was measured on one'

(cat toy.yaml; echo 'gates: {accuracy_retention: 0.001, compression_ratio: 0.001}') >gated.yaml
expect_exit 0 "$retort" distill toy.db 1 --steps 20 --gates --study gated.yaml
expect_line stdout 'accuracy_retention            0.001'
grep -q 'compression_ratio .*pass$' stdout
[ "$(sqlite3 toy.db 'select gates, gates_passed from distillations limit 1')" = '2|2' ]

(cat toy.yaml; echo 'gates: {accuracy_retention: 0.001, compression_ratio: 1000}') >gated.yaml
expect_exit 1 "$retort" distill toy.db 1 --steps 20 --gates --study gated.yaml -o failed
expect_line stderr 'retort distill: error: 1 of 2 gates failed'
grep -q 'compression_ratio .*FAIL$' stdout
[ -s failed ] && [ -s failed.json ]
expect_line stdout 'retort export failed ' # which is the file that there is, whatever it ends in
[ "$(sqlite3 toy.db 'select gates, gates_passed from distillations limit 1')" = '2|1' ]

# once more: the same student
expect_exit 0 "$retort" distill toy.db 1 --steps 20 -o again.safetensors
cmp student.safetensors again.safetensors

# only the full recipe and the gates may come from another file
sed 's/steps: 20/steps: 21/' toy.yaml >other.yaml
expect_exit 1 "$retort" distill toy.db 1 --study other.yaml
expect_one_line stderr
expect_line stderr "'other.yaml' is another study than the one in 'toy.db'"

# a database that cannot be written costs nothing but the record
if [ "$(id -u)" != 0 ]; then
  chmod a-w toy.db
  expect_exit 0 "$retort" distill toy.db 1 --steps 20
  expect_line stderr 'warning: not recorded'
fi

# a cohort that learns online: the best of it is kept, the same for any number of threads
(cat toy.yaml; echo 'full: {online: {mode: dml, cohort: 3}}') >online.yaml
expect_exit 0 "$retort" distill toy.db 1 --steps 20 --study online.yaml -o online.safetensors
grep -q '^cohort  *student [123] of 3 kept' stdout
(cat toy.yaml; echo 'full: {init: prune, online: {mode: dml}}') >online.yaml
expect_exit 1 "$retort" distill toy.db 1 --study online.yaml
expect_line stderr 'begin alike and have nothing to tell each other'

# a micro-batch of 0 in the full recipe alone is timed, too
(cat toy.yaml; echo 'full: {micro_batch: 0}') >timed.yaml
expect_exit 0 "$retort" distill toy.db 1 --steps 20 --study timed.yaml
grep -qE "^micro-batch        [0-9]+ by '.*', the fastest" stdout

# several students, one after the other: files by their names in a folder; each is what it is alone
first=$(sqlite3 toy.db 'select arch from candidate where id = 1')
expect_exit 0 "$retort" distill toy.db 2 1 --steps 20 -o several
[ "$(grep -c '^training ' stdout)" = 2 ]
expect_line stdout "retort export several/$first.safetensors"
cmp "several/$first.safetensors" student.safetensors
expect_exit 0 "$retort" distill toy.db --front --steps 1
[ "$(grep -c '^student  ' stdout)" = "$(sqlite3 toy.db 'select count(*) from front')" ]
expect_exit 0 "$retort" distill toy.db --suggested --steps 1 -o one.safetensors
expect_line stdout "$("$retort" best toy.db --suggested | awk '$1 == "student" {print $2}')"
expect_exit 2 "$retort" distill toy.db 1 --front
expect_line stderr 'give candidates, --front or --suggested: one of them'

# an architecture that the search did not try
expect_exit 0 "$retort" distill toy.db L3-d10-k5-h2-f12-p4 --steps 1 -o other.safetensors
expect_line stderr "warning: not recorded: "
expect_line stdout 'accuracy'
expect_line stdout 'retort export other.safetensors -o student.onnx, or student.c'
expect_exit 1 "$retort" distill toy.db L3-d10-k5-h2-f12-p3 --steps 1
expect_one_line stderr
