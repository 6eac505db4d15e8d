# What is said before a night is spent: the stages that follow a search, and the room on the disk. Nothing that
# fails in the morning is green in the evening.
. "$project/tests/cli/toy.bash"
toy_data
after='{confirm: 2, distill: [suggested, best, 2 of the front], export: [onnx, c], hours: 1}'
study() { # AFTER: what comes behind the toy study
  toy_study
  printf '%s\n' 'full: {steps: 300, quantise: ptq}' "after: $1"
}
study "$after" >toy.yaml

# ---- the stages: what they are, how long they take, and whether that is allowed ----
expect_exit 0 "$retort" plan toy.yaml --seconds 0.1
expect_line stdout 'after      a full run takes '
expect_line stdout 'of a front of 12, say:'
expect_line stdout 'confirm: 14 full runs by 1 workers, about '
expect_line stdout 'distill: 4 students and 16 exports, about '
expect_line stdout 'in all, and 60 min are allowed'
expect_line stdout 'with these the night ends about '
expect_line stdout "\`after\` "
[ "$(awk 'length > 80' stdout | wc -l)" = 0 ]
[ ! -e toy.db ] && [ ! -e teachers ] && [ ! -e toy.students ]
study '{distill: best, hours: 0.0001}' >short.yaml
sed -i 's/steps: 300/steps: 300000/' short.yaml
expect_exit 0 "$retort" plan short.yaml --seconds 0.1
expect_line stdout 'are allowed: TOO LITTLE'
expect_not grep -q 'confirm: ' stdout
# field NAME: of the one row
field() { awk -F, -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) n = i } NR == 2 { print $n }' stdout; }
expect_exit 0 "$retort" plan toy.yaml --seconds 0.1 --format csv
[ "$(field confirm_runs) $(field students) $(field exports)" = '14 4 16' ]
awk -v full="$(field full_seconds)" -v confirm="$(field confirm_seconds)" -v bytes="$(field after_bytes)" \
  'BEGIN { exit !(full > 0 && confirm > 13.9 * full && confirm < 14.1 * full && bytes > 4 * 65536) }'
expect_exit 0 "$retort" plan toy.yaml --seconds 0.1 --format json
[ "$(sqlite3 :memory: "select json_extract(readfile('stdout'), '$.students')")" = 4.0 ]

# ---- doctor: once green, then not ----
expect_exit 0 "$retort" doctor toy.yaml
expect_line stdout '14 full runs, 4 students and 16 exports, of a front of 12, which nobody knows yet'
expect_line stdout 'still to be written (database '
expect_line stdout '0 failed, '
said=$(sed -n 's/.*(database \([0-9]*\) KiB.*/\1/p' stdout)
doctor() { # CODE LINE STUDY
  expect_exit "$1" "$retort" doctor "$3"
  grep -qE "$2" stdout || { cat stdout; exit 1; }
}
echo 'in the way' >toy.students
doctor 1 "^FAIL  after +'./toy.students' is in the way of a folder|^FAIL  after +'toy.students' is in the way" toy.yaml
rm toy.students
study '{distill: best, export: huggingface}' | sed 's/tie: uniform/tie: layer/' >vit.yaml
doctor 0 '^warn  export +huggingface: some students can be no ViT: its heads or FFN widths differ' vit.yaml
study '{distill: best, export: huggingface}' | sed 's/^  patch: .4./&\n  pool: mean/' >mean.yaml
doctor 1 "^FAIL  export +huggingface: this study's students can be no ViT: it pools by the mean" mean.yaml
(study "$after" | grep -v test_; echo 'gates: {accuracy_retention: 0.9}') >untested.yaml
doctor 0 '^warn  gates +none that is about answers can pass' untested.yaml

# ---- what cannot be written, by who has not all rights ----
as=()
[ "$(id -u)" != 0 ] || as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
if [ "$(id -u)" != 0 ] || command -v setpriv >/dev/null && [ -x "$retort" ]; then
  mkdir locked
  cp toy.yaml train-* test-* locked/
  chmod 755 . locked
  if "${as[@]}" "$retort" --version >/dev/null 2>&1; then
    chmod 555 locked
    expect_exit 1 "${as[@]}" "$retort" doctor locked/toy.yaml
    expect_line stdout "FAIL  store        'locked/toy.db' cannot be written: Permission denied"
    expect_line stdout "FAIL  teachers     'locked/teachers' cannot be written"
    chmod 755 locked
  fi
fi

# ---- the disk: an estimate, and a warning where it does not fit ----
expect_exit 0 "$retort" search toy.yaml --no-after
expect_line stdout 'toy.db: about '
expect_line stdout 'still to be written (database '
size=$(($(stat -c %s toy.db) / 1024))
[ "$said" -lt $((2 * size)) ] && [ "$size" -lt $((2 * said)) ]
mkdir disk
mount -t tmpfs -o size=500k tmpfs disk 2>/dev/null || { skip "a small disk (no small file system can be mounted)"; exit 0; }
# shellcheck disable=SC2064
trap "kill -9 \$running 2>/dev/null || true; umount -l '$PWD/disk'; rm -rf '$PWD'" EXIT
running=
sed 's/trials: 12/trials: 30/; s/: \(train-\|test-\)/: ..\/\1/; s/cache: teachers/cache: ..\/teachers/' toy.yaml >disk/toy.yaml
doctor 0 '^warn  disk +about .* still to be written .*: NOT ENOUGH' disk/toy.yaml
expect_exit 0 "$retort" plan disk/toy.yaml --seconds 0.1
expect_line stdout 'NOT ENOUGH'
"$retort" search disk/toy.yaml --trials 30 --no-after >stdout 2>stderr & # which may wait for room
running=$!
for ((i = 0; i < 400; i++)); do
  if grep -q warning stderr || ! kill -0 $running 2>/dev/null; then break; fi
  sleep 0.05
done
expect_line stderr "retort search: warning: 'disk/toy.db': about "
expect_line stderr 'NOT ENOUGH'
