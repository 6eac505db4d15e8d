# Recorded teachers: what doctor reads of them, and the rows that they have not been trained on.
. "$project/tests/cli/toy.bash"
toy_data
one='\x00\x00\x80\x3f' nan='\x00\x00\xc0\x7f'
toy_study | sed 's/      train: {.*/      logits: {train: logits.npy, test: test.npy}/; s/trials: 12/trials: 3/' >toy.yaml

finds() { # TEXT: doctor fails, and says so of the logits
  expect_exit 1 "$retort" doctor toy.yaml
  expect_line stdout "FAIL  logits       of teacher 'one': $1"
}

# the training file's logits, before any search
finds "cannot open 'logits.npy'"
toy_npy 3 90 $one >logits.npy
finds "'logits.npy' has 3 rows and 90 columns: it is transposed; save logits.T"
toy_npy 89 3 $one >logits.npy
finds "'logits.npy' has logits for 89 examples"
toy_npy 90 4 $one >logits.npy
finds "'logits.npy' has 4 classes but the data has 3"
toy_npy 90 3 $nan >logits.npy
finds "'logits.npy' has a logit that is not finite"
toy_npy 90 3 $one >logits.npy

# the test file's
finds "cannot open 'test.npy'"
toy_npy 29 3 $one >test.npy
finds "'test.npy' has logits for 29 examples but the data has 30"
toy_npy 30 3 $nan >test.npy
finds "'test.npy' has a logit that is not finite"
sed 's/, test: test.npy//' toy.yaml >untested.yaml
expect_exit 0 "$retort" doctor untested.yaml
expect_line stdout "warn  logits       of teacher 'one' for the training file alone"
toy_npy 30 3 $one >test.npy
expect_exit 0 "$retort" doctor toy.yaml
expect_line stdout "warn  logits       of teacher 'one' for the training file: 33.3 % are right"
expect_line stdout "warn  logits       of teacher 'one' for the test file: 33.3 % are right"

# nobody knows what it was trained on: wherever its errors are shown, that is said
doubt='teachers from elsewhere may have been trained on the validation rows'
expect_line stdout "warn  validation   $doubt"
expect_exit 0 "$retort" teach toy.yaml
expect_line stdout "$doubt"
expect_exit 0 "$retort" search toy.yaml
expect_line stderr "warning: $doubt"
expect_exit 0 "$retort" search toy.yaml --trials 4
expect_line stderr "warning: $doubt"
[ "$(sqlite3 toy.db "select count(*) from event where kind = 'teachers' and text like '$doubt%'")" = 1 ]
# also where an older program, or one that was killed just then, did not note it
sqlite3 toy.db "drop trigger event_stay; delete from event where kind = 'teachers'"
expect_exit 0 "$retort" search toy.yaml --trials 4
[ "$(sqlite3 toy.db "select count(*) from event where kind = 'teachers' and text like '$doubt%'")" = 1 ]

"$retort" status toy.db | grep -q '^ensemble .*may have been trained on these rows'
"$retort" front toy.db | grep -qx '(its teachers may have been trained on these rows)'
"$retort" best toy.db | tr -s '\n ' '  ' | grep -q 'the ensemble has .*may have been trained on these rows'
expect_exit 0 "$retort" report toy.db -o toy.html
grep -q 'which teachers from elsewhere may have been trained on' toy.html

# the rows as they are drawn, written to leave them out elsewhere, and named
expect_exit 0 "$retort" teach toy.yaml --rows rows.npy
expect_line stdout 'rows.npy: 30 validation rows of 90'
python3 - <<'END_OF_PYTHON'
import struct
data = open('rows.npy', 'rb').read()
assert b"'<i8'" in data[:128] and b'(30,)' in data[:128], data[:128]
rows = struct.unpack('<30q', data[128:])
assert len(set(rows)) == 30 and min(rows) >= 0 and max(rows) < 90, rows
END_OF_PYTHON
sed 's/validation: 30/validation_rows: rows.npy/; s/toy.db/known.db/' toy.yaml >known.yaml
expect_exit 0 "$retort" teach known.yaml
expect_not grep -qF "$doubt" stdout
expect_exit 0 "$retort" search known.yaml --trials 4
expect_not grep -qF "$doubt" stderr
[ "$(sqlite3 known.db "select count(*) from event where kind = 'teachers'")" = 0 ]
expect_exit 0 "$retort" status known.db
expect_not grep -q 'may have been trained' stdout
same="select number, name, value from metric join trial on trial = number where name <> 'latency' order by 1, 2"
cmp <(sqlite3 toy.db "$same") <(sqlite3 known.db "$same")
expect_exit 0 "$retort" distill known.db 1 --steps 5

# other rows are another study
sed 's/^seed: 3/seed: 4/' toy.yaml >seeded.yaml
expect_exit 0 "$retort" teach seeded.yaml --rows rows.npy
expect_exit 1 "$retort" search known.yaml --trials 5
expect_one_line stderr
expect_line stderr "rows.npy' has other rows than when this study began"
toy_npy 5 1 $one >rows.npy
expect_exit 1 "$retort" search known.yaml --trials 5
expect_one_line stderr
expect_line stderr "rows.npy' has values of type '<f4', want '<i8'"
