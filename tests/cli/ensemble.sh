# Teachers' weights and temperatures are fitted once, recorded, shown, and used again on resuming.
. "$project/tests/cli/toy.bash"
toy_data
toy_study | sed '
  s/validation: 30/&\n  held_out: 15/
  s/cache: teachers/&\n  weights: em\n  calibrate: true/
  s/trials: 12/trials: 4/
  /name: one/{
    i\    - name: two
    i\      train: {arch: L1-d8-k8-h1-f8-p4, epochs: 1, batch: 12, learning_rate: 0.003, seed: 2}
  }' >toy.yaml

expect_exit 0 "$retort" teach toy.yaml
expect_line stdout 'weight     T'
expect_exit 0 "$retort" doctor toy.yaml
expect_line stdout "45 to train on, 30 to validate, 15 to weigh the teachers on"
expect_line stdout "of 'one', at a temperature of"

fitted() { sqlite3 -readonly toy.db "select number, weight, calibration from teacher
  where kind <> 'ensemble' order by number"; }
expect_exit 0 "$retort" search toy.yaml
fitted >first
[ "$(sqlite3 toy.db "select count(distinct weight) from teacher")" = 3 ]
[ "$(sqlite3 toy.db "select count(*) from teacher where kind <> 'ensemble' and calibration <> 1")" = 2 ]
[ "$(sqlite3 toy.db "select count(*) from teacher_agreement")" = 3 ]
[ "$(sqlite3 toy.db "select count(*) from teacher_metric where teacher = 2
  and name in ('error', 'nll', 'ece')")" = 3 ]
expect_exit 0 "$retort" search toy.yaml --trials 6
fitted >second
cmp first second

# What is in the store is what counts: a study goes on with the weights that it began with.
sqlite3 toy.db "update teacher set weight = case number when 0 then 0.25 else 0.75 end where number < 2"
expect_exit 0 "$retort" search toy.yaml --trials 8
[ "$(sqlite3 toy.db "select weight from teacher where number = 1")" = 0.75 ]
expect_exit 0 "$retort" status toy.db
expect_line stdout 'two 0.25 (T '
expect_exit 0 "$retort" report toy.db -o toy.html
expect_line toy.html 'Agreement'
expect_exit 0 "$retort" distill toy.db "$(sqlite3 toy.db 'select arch from pareto limit 1')" --steps 5

# A recorded teacher may have seen the held-out rows; one that says nothing gets what em leaves it.
toy_npy 90 3 '\x00\x00\x80\x3f' >flat.npy
sed '/name: two/{n;s/.*/      logits: {train: flat.npy}/}; s/cache: teachers/cache: others/; s/store: toy.db/store: flat.db/' toy.yaml >flat.yaml
expect_exit 0 "$retort" teach flat.yaml
expect_line stdout ensemble
expect_exit 0 "$retort" doctor flat.yaml
expect_line stdout "warn  weight       'two' comes from elsewhere: if it was trained on the held-out rows"

# Losses that go through a batch twice, by weights and temperatures that were fitted: whatever the
# number of workers, and whoever fits them, the trials are the same.
sed 's/^distill:/&\n  loss: dist\n  reg_target: ema\n  standardise: true/; s/trials: 4/trials: 8/' \
  toy.yaml >dist.yaml
rows() { sqlite3 -readonly "$1" "select * from trial; select * from curve; select * from teacher;
  select * from metric where name <> 'latency'"; }
expect_exit 0 "$retort" search dist.yaml --db one.db --workers 1
expect_exit 0 "$retort" search dist.yaml --db two.db --workers "$two"
rows one.db >one
rows two.db >two
[ "$(wc -l <one)" -gt 100 ]
cmp one two
