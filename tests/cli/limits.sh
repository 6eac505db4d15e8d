# Little memory (ulimit -v) ends in a line or in the work, never in waiting.
. "$project/tests/cli/toy.bash"
(ulimit -v 1000000 && "$retort" --version) >/dev/null 2>&1 || { skip "limits of memory (a sanitizer needs more addresses)"; exit 0; }
toy_data
toy_study >toy.yaml

limited() { # KILOBYTES COMMAND...: in so much, and a minute, as machines are busy
  (ulimit -v "$1" && exec timeout -k 1 60 "${@:2}")
}
for room in 60000 100000 180000; do # a thread of OpenBLAS's once tried for ever to get more
  expect_exit 0 limited $room "$retort" --version
  expect_exit 0 limited $room "$retort" help
done
expect_exit 0 limited 400000 "$retort" search toy.yaml
expect_exit 0 limited 100000 "$retort" status toy.db
expect_exit 0 limited 100000 "$retort" report toy.db -o toy.html
expect_exit 1 limited 150000 "$retort" search toy.yaml --db plain.db
expect_line stderr 'OpenBLAS needs '
# trials of which none fits are not begun
toy_study | sed 's/batch: 12$/batch: 65536\n  micro_batch: 65536/' >wide.yaml
expect_exit 1 limited 300000 "$retort" search wide.yaml --db wide.db
expect_one_line stderr
expect_line stderr "the smallest student's trial needs"
expect_exit 1 limited 300000 "$retort" plan wide.yaml --seconds 0.1
expect_line stderr "the smallest student's trial needs"

# a file that may not grow is an error
expect_exit 1 bash -c "ulimit -f 40; exec '$retort' search toy.yaml --db short.db"
expect_one_line stderr
expect_line stderr 'ulimit -f'

# a cache that another program cuts short ends the search in a line, and loses nothing
toy_study | sed 's/steps: 20/steps: 30000/' >long.yaml
"$retort" search long.yaml --db long.db >stdout 2>stderr &
running=$!
for ((i = 0; i < 400; i++)); do
  [ "$(sqlite3 -readonly long.db "select count(*) from trial where state = 'running'" 2>/dev/null)" = 1 ] && break
  sleep 0.05
done
cp teachers/knowledge.rtk whole
: >teachers/knowledge.rtk
code=0
wait $running || code=$?
[ $code = 1 ]
grep -qE "error: .*knowledge.rtk' .*was cut short" stderr # found in time, or by SIGBUS
cp whole teachers/knowledge.rtk
expect_exit 0 "$retort" check long.db

# the end may be a time of the day, also one of tomorrow
expect_exit 2 "$retort" search toy.yaml --until 25:00
expect_line stderr "--until '25:00' is no time of the day"
toy_study | sed 's/trials: 12/trials: 0/' >until.yaml
expect_exit 0 "$retort" search until.yaml --db until.db --until "$(date -d '+90 minutes' +%H:%M)"
[ "$(sqlite3 until.db 'select round(hours, 1) from run')" = 1.5 ]

# a CPU a worker, where that can be
expect_exit 0 "$retort" search toy.yaml --db pinned.db --trials 2 --workers 1 --pin
[ "$(sqlite3 pinned.db "select value from metric where name = 'error'")" = \
  "$(sqlite3 toy.db "select value from metric where name = 'error' and trial < 2")" ]
if [ "$two" = 2 ]; then # threads of a latency would share that CPU
  toy_study | sed 's/^latency: {/&threads: 2, batch: 2, /' >two.yaml
  expect_exit 1 "$retort" search two.yaml --db two.db --workers 1 --pin
  expect_line stderr "and 'two.yaml' measures latency on 2"
  [ ! -e two.db ]
fi
