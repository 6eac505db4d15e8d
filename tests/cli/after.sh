# `after:` in a study: what a search goes on with, stage by stage, none of them twice, and its files.
. "$project/tests/cli/toy.bash"
toy_data
(toy_study | sed 's/trials: 12/trials: 8/'
 printf '%s\n' 'full: {steps: 30, quantise: ptq}' 'gates: {accuracy_retention: 0.001}' \
   'after: {confirm: 2, distill: [suggested, best, 2 of the front], export: [onnx, c], hours: 1}') >toy.yaml
stages() { # none, while there is no such table
  sqlite3 -readonly toy.db "select name, what from stage where done order by name, what" 2>/dev/null || true
}

# the search alone, then all that follows: the study was searched already
expect_exit 0 "$retort" search toy.yaml --no-after
[ ! -e toy.students ]
expect_exit 0 "$retort" search toy.yaml
expect_line stdout 'after: confirm: ok, '
expect_line stdout "all that \`after\` asks for is done"
[ "$(sqlite3 toy.db "select count(*) from confirmation where state <> 'done'")" = 0 ]
students=$(sqlite3 toy.db "select count(*) from stage where name = 'distill' and done")
[ "$students" -ge 1 ] && [ "$students" -le 3 ]
[ "$(sqlite3 toy.db "select count(*) from stage where name = 'export' and done")" = $((4 * students)) ]
[ "$(sqlite3 toy.db 'select min(gates) from distillations')" = 1 ]

# each file is listed with its size and checksum, also those of the weights
[ "$(sqlite3 toy.db "select count(*), count(distinct format || precision) from exported")" = "$((6 * students))|6" ]
sqlite3 toy.db "select bytes || ' ' || hash || ' ' || path from exported" >files
while read -r bytes hash path; do
  [ "$(stat -c %s "$path")" = "$bytes" ]
  [ ${#hash} = 32 ]
  if command -v xxh128sum >/dev/null; then [ "$(xxh128sum "$path" | cut -d' ' -f1)" = "$hash" ]; fi
done <files
expect_exit 0 "$retort" report toy.db -o toy.html
expect_line toy.html 'Files of students'
expect_line toy.html "$hash"
expect_exit 0 "$retort" check toy.db

# once more: nothing is run again; what is gone is made again
stages >whole
sqlite3 toy.db 'select * from stage' >rows
expect_exit 0 "$retort" search toy.yaml
expect_not grep -q '^after: ' stdout
sqlite3 toy.db 'select * from stage' | cmp rows -
rm toy.students/*.int8.onnx
expect_exit 0 "$retort" search toy.yaml
[ "$(grep -c '^after: export' stdout)" = "$students" ]

# killed after each stage: the next run goes on behind it
cp -r toy.students kept
rm -r toy.students
sqlite3 toy.db 'drop table stage; drop table exported; delete from distillation'
for (( i = 0; i < 40; i++ )); do
  before=$(stages | wc -l)
  "$retort" search toy.yaml >killed.out 2>&1 &
  job=$!
  while kill -0 "$job" 2>/dev/null && [ "$(stages | wc -l)" -le "$before" ]; do sleep 0.02; done
  kill -9 "$job" 2>/dev/null || break
  wait "$job" 2>/dev/null || true
done
wait "$job"
[ "$i" -ge 2 ]
stages | cmp whole -
(cd kept && find . -name '*.onnx' -o -name '*.c' -o -name '*.safetensors') >made
while read -r file; do cmp "kept/$file" "toy.students/$file"; done <made

# a stage that fails keeps no other from running, is told, and is tried again
weights=$(find toy.students -name "*.int8.safetensors" | sort | head -n 1)
cp "$weights" kept.safetensors
echo broken >"$weights"
sed 's/export: .onnx, c./export: [onnx, torch]/' toy.yaml >other.yaml
expect_exit 1 "$retort" search other.yaml
[ "$(grep -c ': FAIL, ' stdout)" = 2 ] && [ "$(grep -c '.torch: ok, ' stdout)" = $((2 * students - 1)) ]
expect_line stderr "2 stages of \`after\` failed"
expect_exit 0 "$retort" report toy.db -o toy.html
expect_line toy.html 'or is truncated'
mv kept.safetensors "$weights"
expect_exit 0 "$retort" search other.yaml
[ "$(grep -c '^after: ' stdout)" = 2 ]

# no hours, and a signal
sed 's/hours: 1/hours: 0.0000001/; s/steps: 30/steps: 31/' toy.yaml >late.yaml
expect_exit 0 "$retort" search late.yaml
expect_line stdout "the hours of \`after\` are over"

refused() { # BLOCK TEXT
  (toy_study; echo "after: $1") >refused.yaml
  expect_exit 1 "$retort" search refused.yaml
  expect_one_line stderr
  expect_line stderr "$2"
}
refused '{distill: [worst]}' "unknown students 'worst'; give suggested, best, front"
refused '{export: [onnx]}' 'add distill, or leave this out'
refused '{seeds: 2}' 'seeds are of confirm; add it'
