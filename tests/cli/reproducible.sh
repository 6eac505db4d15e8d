# One study gives the same rows with one worker, with two, and when it is killed again and again;
# so do a study with rungs and one whose children start from their parents' weights.
. "$project/tests/cli/toy.bash"
toy_data
toy_study | sed 's/steps: 20/steps: 100/; s/trials: 12/trials: 30/' >toy.yaml
toy_study | sed 's/steps: 20/steps: 100/; s/trials: 12/trials: 30\n  inherit: parent/' >heirs.yaml
toy_study | sed '/steps: 20/d; s/trials: 12/trials: 40\n  rungs: [50, 100, 200]/' >rungs.yaml

rows() { # DB: what depends on the study alone and compare_rows does not look at
  sqlite3 -readonly "$1" "select * from layer; select * from front;
    select trial, hash from checkpoint;
    select * from front_history; select * from teacher; select * from teacher_metric;
    select * from teacher_agreement"
}

finished() { # DB: how many of its trials are
  sqlite3 -readonly "$1" "select count(*) from trial where state in ('committed', 'failed')" || echo 0
}

# reproduces STUDY TRIALS
reproduces() {
  local done=0 interrupted
  rm -f one.db* two.db* killed.db*
  expect_exit 0 "$retort" search "$1" --db one.db --workers 1
  expect_exit 0 "$retort" search "$1" --db two.db --workers "$two"
  rows one.db >one
  rows two.db >two
  [ "$(sqlite3 one.db "select count(*) from trial where state = 'committed'")" = "$2" ]
  [ "$(wc -l <one)" -gt 100 ]
  cmp one two
  "$project/tests/compare_rows" one.db two.db

  while [ "$done" -lt $(($2 - 3)) ]; do # a trial or two further each time, however fast it is
    "$retort" search "$1" --db killed.db --workers "$two" 2>/dev/null &
    until [ "$(finished killed.db)" -gt "$done" ] || ! kill -0 $!; do sleep 0.005; done
    sleep "$(printf '0.%03d' $((RANDOM % 20)))"
    kill -9 $! || true
    wait $! || true
    done=$(finished killed.db)
  done 2>/dev/null
  interrupted=$(sqlite3 killed.db "select count(*) from execution where outcome = 'interrupted'")
  expect_exit 0 "$retort" search "$1" --db killed.db --workers "$two"
  rows killed.db >killed
  cmp one killed
  "$project/tests/compare_rows" one.db killed.db
  [ "$(sqlite3 killed.db 'pragma integrity_check')" = ok ]
  echo "$interrupted trials were interrupted"
  [ "$interrupted" -ge 2 ]
}

RANDOM=1
expect_exit 0 "$retort" teach toy.yaml
reproduces toy.yaml 30
sqlite3 killed.db "update metric set value = value + 1e-9 where trial = 3 and name in ('kl', 'latency')"
expect_exit 1 "$project/tests/compare_rows" one.db killed.db
expect_line stdout '1 only in one.db, 1 only in killed.db'
reproduces rungs.yaml 40
[ "$(sqlite3 one.db "select sum(committed > 0) from rungs")" = 3 ]
reproduces heirs.yaml 30
[ "$(sqlite3 one.db "select count(*) > 5 and count(*) = count(c.hash) from trial t
  left join checkpoint c on c.trial = t.inherits where t.inherits is not null")" = 1 ]
[ "$(sqlite3 one.db 'select count(*) from checkpoint')" = "$(find one.checkpoints -type f | wc -l)" ]
# weights that are gone, or are not what their trial left, would make other children
printf x >>one.checkpoints/0.safetensors
expect_exit 1 "$retort" search heirs.yaml --db one.db
expect_line stderr 'is not what trial 0 left for its children'
rm one.checkpoints/0.safetensors
expect_exit 1 "$retort" search heirs.yaml --db one.db
expect_line stderr 'children of trial 0 start from it; put it back'
