# A teacher that is a command: asked once for each file, and what goes wrong with it in one line.
command -v python3 >/dev/null || { skip python3; exit 0; }
. "$project/tests/cli/toy.bash"
toy_data
cat >teacher.py <<'PY'
import struct, sys

images, logits = sys.argv[-2:]
data = open(images, "rb").read()
rows = (len(data) - 128) // 64
print("asked about", rows, file=sys.stderr)
with open("asked", "a") as log:
    log.write("%d\n" % rows)
how = open("how").read().strip()
if how == "fail":
    raise SystemExit("the GPU is on fire")
values = []
for i in range(rows):
    at = lambda y, x: data[128 + i * 64 + y * 8 + x]
    mean = lambda keep: sum(at(y, x) for y in range(8) for x in range(8) if keep(y, x)) / 320
    values += [mean(lambda y, x: y < 4), mean(lambda y, x: x < 4), mean(lambda y, x: (x < 4) == (y < 4))]
if how == "nan":
    values[4] = float("nan")
if how == "short":
    rows -= 1
if how == "order":
    values = [v for i in range(rows) for v in (values[3 * i + 1], values[3 * i + 2], values[3 * i])]
if how != "silent":
    text = "{'descr': '<f8', 'fortran_order': False, 'shape': (%d, 3), }" % rows
    with open(logits, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00\x76\x00" + text.ljust(117).encode() + b"\n")
        file.write(struct.pack("<%dd" % (3 * rows), *values[:3 * rows]))
PY
toy_study | sed '
  s/trials: 12/trials: 3/
  /name: one/,/train:/c\    - {name: own, command: [python3, teacher.py], params: 12345}' >toy.yaml

# ---- what is wrong ----
refused() { # HOW EXIT WORDS
  echo "$1" >how
  expect_exit 1 "$retort" teach toy.yaml
  [ "$(grep -c '^retort teach: ' stderr)" = 1 ]
  expect_line stderr "$2"
}
refused fail "the command of teacher 'own' ended with exit code 1: the GPU is on fire"
refused silent "ended well but wrote no '"
refused short "teacher 'own': '"
expect_line stderr 'logits for 89 examples but the data has 90'
refused nan 'a logit that is not finite at example 1, class 1'
[ "$(find teachers -name '*.npy' | wc -l)" = 0 ]
expect_exit 0 "$retort" doctor toy.yaml
expect_line stdout "'own' is a command, not yet run"

# ---- asked once ----
rm asked
echo order >how
expect_exit 0 "$retort" teach toy.yaml
expect_line stderr 'asked about 90'
expect_exit 0 "$retort" doctor toy.yaml
expect_line stdout 'columns in another order'
echo good >how
expect_exit 0 "$retort" teach toy.yaml --retrain own
expect_exit 0 "$retort" teach toy.yaml
expect_exit 0 "$retort" search toy.yaml
[ "$(tr '\n' ' ' <asked)" = '90 90 ' ]
[ "$(sqlite3 toy.db "select kind || params from teacher where number = 0")" = commanded12345 ]
expect_exit 0 "$retort" doctor toy.yaml
expect_line stdout "of teacher 'own' for the training file: a row for each example, 100.0 % right"
expect_exit 0 "$retort" distill toy.db 1 --steps 3 -o a.safetensors
expect_line stdout 'of the ensemble'
expect_exit 0 "$retort" distill toy.db 2 --steps 3
[ "$(tr '\n' ' ' <asked)" = '90 90 30 ' ]
cp teachers/own.test.safetensors kept
echo damaged >teachers/own.test.safetensors
expect_exit 1 "$retort" distill toy.db 2 --steps 3
expect_one_line stderr
expect_line stderr 'own.test.safetensors'
cp kept teachers/own.test.safetensors

# ---- a script that changed is another teacher, and is not asked unasked ----
echo '# better' >>teacher.py
expect_exit 1 "$retort" search toy.yaml --trials 4
expect_line stderr "'retort teach --retrain own' asks it again"
expect_exit 0 "$retort" teach toy.yaml --retrain own
expect_exit 0 "$retort" search toy.yaml --trials 4
expect_exit 0 "$retort" distill toy.db 1 --steps 3
[ "$(tr '\n' ' ' <asked)" = '90 90 30 90 30 ' ]
unmapped=/sys/kernel/mm/transparent_hugepage/enabled # of 4096 bytes, says its folder
if [ -s $unmapped ]; then
  sed "s|teacher.py|teacher.py, $unmapped|" toy.yaml >unmapped.yaml
  expect_exit 1 "$retort" teach unmapped.yaml --retrain own
  expect_line stderr "cannot map '$unmapped'"
fi

# ---- a key of two meanings, each in its place ----
sed 's/command: \[.*\]/command: {}/; s/, params: 12345//' toy.yaml >bad.yaml
expect_exit 1 "$retort" teach bad.yaml
expect_line stderr 'give the command as a list'
sed 's/command: .*params/train: {arch: L1-d8-k8-h1-f8-p4}, params/' toy.yaml >bad.yaml
expect_exit 1 "$retort" teach bad.yaml
expect_line stderr 'this is of a teacher with command'

# ---- without answers to a test, and without a test ----
toy_npy 90 3 '\x00\x00\x80\x3f' >flat.npy
sed 's/{name: own.*/{name: flat, logits: {train: flat.npy}}/; s/toy.db/flat.db/; s/cache: teachers/cache: flat/' \
  toy.yaml >flat.yaml
expect_exit 0 "$retort" doctor flat.yaml
expect_line stdout 'without logits.test'
expect_line stdout 'and the commonest class has 33.3 %'
expect_exit 0 "$retort" search flat.yaml
expect_exit 0 "$retort" distill flat.db 1 --steps 3 -o b.safetensors
expect_line stdout 'accuracy'
expect_line stdout "teacher 'flat' has no logits for the test file"
[ "$(sqlite3 flat.db "select count(*) from distillation_metric where name = 'error' and value is not null")" = 1 ]
sed '/test_/d' flat.yaml >none.yaml
expect_exit 0 "$retort" search none.yaml --db none.db --trials 1
expect_exit 0 "$retort" distill none.db 1 --steps 3 -o c.safetensors
expect_line stdout 'the study names no test file'
expect_exit 0 "$retort" export c.safetensors -o c.onnx
expect_exit 0 "$retort" data toy.yaml --export rows

# ---- killed while the command runs ----
cat >slow.sh <<'SH'
echo $$ >child
sleep 1000
SH
sed 's/python3, teacher.py/sh, slow.sh/; s/name: own,/name: slow,/; s/toy.db/slow.db/' toy.yaml >slow.yaml
"$retort" teach slow.yaml >slow.out 2>&1 &
job=$!
for (( i = 0; i < 1000; i++ )); do [ -s child ] && break; sleep 0.02; done
kill -9 "$job"
wait "$job" || true
for (( i = 0; i < 1000; i++ )); do runs "$(cat child)" || break; sleep 0.02; done
expect_gone "$(cat child)"
[ "$(find . -name 'slow.train.rows-*' | wc -l)" = 1 ]
echo 'exit 3' >slow.sh
expect_exit 1 "$retort" teach slow.yaml
[ "$(find . -name 'slow.train.rows-*' | wc -l)" = 0 ]
