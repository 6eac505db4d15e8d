# confirm trains the front and controls fully, says what the short runs were worth, and goes on after
# a crash; the rows are the same for any number of workers and any crash.
. "$project/tests/cli/toy.bash"
toy_data
(toy_study; echo 'full: {steps: 60}') >toy.yaml
expect_exit 0 "$retort" search toy.yaml
cp toy.db before.db

expect_exit 1 "$retort" confirm toy.db --show
expect_one_line stderr
expect_line stderr "has no full runs; retort confirm makes them"
expect_exit 2 "$retort" confirm toy.db --seeds 0
expect_exit 2 "$retort" confirm

expect_exit 0 "$retort" confirm toy.db --controls 4 --seeds 2 --workers 1
expect_line stdout 'tau-b within bands of cost'
expect_line stdout 'tau-b between two seeds of full runs'
expect_line stdout 'lost by the best of the short runs'
members=$(sqlite3 toy.db "select count(*) from front")
[ "$(sqlite3 toy.db "select count(*), count(distinct candidate), total(role = 'control') from confirmation
  where state = 'done'")" = "$((2 * members + 8))|$((members + 4))|8.0" ]
[ "$(sqlite3 toy.db "select count(*) from confirmation_metric where name = 'error' and split = 'test'")" = $((2 * members + 8)) ]
[ "$(sqlite3 toy.db "select count(*) from confirmation_run r join program p on p.id = r.program")" = $((2 * members + 8)) ]
expect_exit 0 "$retort" confirm toy.db --show --format csv
[ "$(wc -l <stdout)" = $((members + 5)) ]
[ "$(awk -F, '{print $12 != "", $13 == 0 || $13 == 1}' stdout | sed 1d | sort -u)" = '1 1' ] # each has its latency
expect_exit 0 "$retort" confirm toy.db --show --format json
python3 -c "import json, sys; c = json.load(open('stdout')); assert len(c['students']) == $members + 4, c
assert -1 <= c['test']['tau_b'] <= 1 and c['verdict'], c"
expect_exit 0 "$retort" report toy.db -o toy.html
expect_line toy.html 'Short and full runs'
expect_exit 0 "$retort" check toy.db

# a full run is the one that distill would give
arch=$(sqlite3 toy.db "select arch from confirmations where number = 0")
expect_exit 0 "$retort" distill toy.db "$arch"
[ "$(sqlite3 toy.db "select m.value = (select value from confirmation_metric where confirmation = 0 and split = 'test'
  and name = 'error') from distillation_metric m where name = 'error'")" = 1 ]

rows() { sqlite3 -readonly "$1" "select * from confirmation; select * from confirmation_metric;
  select * from confirmation_curve"; }
rows toy.db >whole

# nothing is left to do; further seeds alone are new; another recipe is another matter
expect_exit 0 "$retort" confirm toy.db --controls 4 --seeds 2
expect_line stderr ' 0 full runs of 60 steps to do'
rows toy.db | cmp whole -

# by two workers, and killed again and again
cp before.db two.db
expect_exit 0 "$retort" confirm two.db --controls 4 --seeds 2 --workers "$two"
rows two.db | cmp whole -
cp before.db killed.db
for delay in 0.05 0.1 0.15 0.2 0.25 0.3; do
  "$retort" confirm killed.db --controls 4 --seeds 2 --workers 1 >killed.out 2>&1 &
  sleep "$delay"
  kill -9 $! 2>/dev/null || true
  wait $! 2>/dev/null || true
done
expect_exit 0 "$retort" confirm killed.db --controls 4 --seeds 2 --workers "$two"
rows killed.db | cmp whole -

# without a test file by validation alone
sed '/test_/d; s/toy.db/untested.db/' toy.yaml >untested.yaml
expect_exit 0 "$retort" search untested.yaml
expect_exit 0 "$retort" confirm untested.db --controls 2 --steps 20
[ "$(sqlite3 untested.db "select count(*) from confirmation_metric where split = 'test'")" = 0 ]
expect_line stdout 'full runs'
