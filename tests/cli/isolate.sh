# Trials in processes of their own: the same rows as in one, whatever kills these processes.
. "$project/tests/cli/toy.bash"
toy_data
toy_study >toy.yaml

expect_exit 0 "$retort" search toy.yaml --db one.db
expect_exit 0 "$retort" search toy.yaml --db two.db --isolate --workers "$two"
"$project/tests/compare_rows" one.db two.db
[ "$(sqlite3 two.db "select count(*) from event where kind = 'attempt'")" = 0 ]

# and of a repeat with another seed, which no file has
sed 's/cache: teachers/cache: others/' toy.yaml >eight.yaml
expect_exit 0 "$retort" search eight.yaml --seed 8 --trials 4 --db eight.db
expect_exit 0 "$retort" search eight.yaml --seed 8 --trials 4 --db eight2.db --isolate
"$project/tests/compare_rows" eight.db eight2.db

# of those that fail, too
sed 's/^  steps: 20/&\n  learning_rate: 10\n  weight_decay: 100/; s/trials: 12/trials: 3/' toy.yaml >wild.yaml
expect_exit 1 "$retort" search wild.yaml --db wild.db
cp stderr before
expect_exit 1 "$retort" search wild.yaml --db wild2.db --isolate
expect_line stderr 'all 3 trials failed'
"$project/tests/compare_rows" wild.db wild2.db

# children that start from others' weights, and latency that the search measures itself
sed 's/^search:/search:\n  inherit: parent/; s/\[error, macs\]/[error, latency]/' toy.yaml >family.yaml
expect_exit 0 "$retort" search family.yaml --db family.db --isolate --workers "$two"
[ "$(sqlite3 family.db "select count(*) > 0 from trial where inherits is not null and state = 'committed'")" = 1 ]
[ "$(sqlite3 family.db 'select count(*) from checkpoint')" = 12 ]
[ "$(sqlite3 family.db "select count(*) from metric where name = 'latency' and value > 0")" = 12 ]
expect_exit 0 "$retort" check family.db

# Whoever dies in its work is started anew, and the trial with it; twice in one trial, and that is a
# crash. Here all die for a while, by a fault or as for lack of memory, until the search gives up.
sed 's/steps: 20/steps: 1200/' toy.yaml >long.yaml
expect_exit 0 "$retort" search long.yaml --db long.db --workers "$two" --trials 4
"$retort" search long.yaml --db hurt.db --isolate --workers "$two" --trials 4 >stdout 2>stderr &
running=$!
signals=(SEGV KILL SEGV)
for ((i = 0, hit = 0; hit < 3 && i < 400; i++)); do
  child=$(pgrep -P $running | head -1) || child=
  [ -z "$child" ] || kill -s "${signals[hit]}" "$child" 2>/dev/null && hit=$((hit + 1))
  sleep 0.1
done
[ "$hit" = 3 ]
code=0
wait $running || code=$?
[ $code = 0 ] || expect_line stderr 'failed'
if [ "$(sqlite3 hurt.db 'select count(*) from failures')" != 0 ]; then
  expect_exit 0 "$retort" search long.yaml --db hurt.db --isolate --trials 4 --retry-failed=crash
fi
"$project/tests/compare_rows" long.db hurt.db

# One that hangs is killed as well: stopped once, its trial goes to another; twice, and it has failed.
stop_child() { # the one at work, which is not the one in $child; as $child
  local other state
  for ((i = 0; i < 1200; i++)); do
    other=$(pgrep -P $running | head -1) || other=
    state=$(sqlite3 -readonly hung.db "select count(*) from trial where state = 'running'" 2>/dev/null) || state=0
    if [ "$state" != 0 ] && [ -n "$other" ] && [ "$other" != "$child" ]; then child=$other; kill -STOP "$child" && return; fi
    sleep 0.05
  done
  return 1
}
for times in 1 2; do
  rm -f hung.db
  child=
  "$retort" search long.yaml --db hung.db --isolate --stall 2 --workers 1 --trials 4 >stdout 2>stderr &
  running=$!
  for ((j = 0; j < times; j++)); do stop_child; done
  wait $running
  expect_gone "$child"
  [ "$(sqlite3 hung.db "select count(*) from event where kind = 'attempt' and text like '%(timeout): it used no processor time for 2 s%'")" = $times ]
  [ "$(sqlite3 hung.db "select count(*) from failures where error_kind = 'timeout'")" = $((times - 1)) ]
done
expect_exit 0 "$retort" search long.yaml --db hung.db --trials 4 --retry-failed=timeout
"$project/tests/compare_rows" long.db hung.db

# so it is by itself where a trial has ended the program twice
for i in 1 2; do
  "$retort" search long.yaml --db dead.db >stdout 2>stderr &
  running=$!
  for ((j = 0; j < 400; j++)); do
    state=$(sqlite3 -readonly dead.db "select count(*) from execution where trial = 0" 2>/dev/null) || state=0
    [ "$state" != "$i" ] || break
    sleep 0.02
  done
  kill -KILL $running
  wait $running 2>/dev/null || true
  expect_not grep -q 'process of its own' stderr
done
expect_exit 0 "$retort" search long.yaml --db dead.db --trials 1
expect_line stderr 'process of its own now (--isolate)'

# children are of the program that began, also when its file is another's by now
cp "$retort" mine
./mine search long.yaml --db swapped.db --isolate --trials 4 >stdout 2>stderr &
running=$!
for ((i = 0; i < 1200; i++)); do
  child=$(pgrep -P $running | head -1) && break
  sleep 0.05
done
rm mine
cp "$(type -P false)" mine
kill -KILL "$child"
wait $running
"$project/tests/compare_rows" long.db swapped.db

# none is left when the search is killed
"$retort" search long.yaml --db gone.db --isolate --workers "$two" >stdout 2>stderr &
running=$!
for ((i = 0; i < 1200; i++)); do
  child=$(pgrep -P $running | head -1) && break
  sleep 0.05
done
kill -KILL $running
wait $running 2>/dev/null || true
for ((i = 0; i < 100; i++)); do
  runs "$child" || break
  sleep 0.05
done
expect_gone "$child"

# the other side, asked wrongly
expect_exit 1 "$retort" worker one.db <<<'{"trial": 1}'
expect_one_line stderr
expect_line stderr 'the job is incomplete'
expect_exit 1 "$retort" worker none.db </dev/null
expect_exit 2 "$retort" worker
expect_exit 2 "$retort" search toy.yaml --isolate --pin
expect_line stderr '--pin keeps threads on CPUs, and --isolate starts processes'
