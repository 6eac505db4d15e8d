# SIGTERM, SIGINT and SIGHUP end a search cleanly: exit 128 and the signal's number, nothing left
# running, and it can go on.
. "$project/tests/cli/toy.bash"
toy_data
toy_study | sed 's/steps: 20/steps: 30000/; s/trials: 12/trials: 0/' >toy.yaml

for signal in TERM INT HUP; do
  # a shell without job control starts its children with SIGINT ignored; retort listens all the same
  "$retort" search toy.yaml --workers "$two" >stdout 2>stderr &
  running=$!
  for ((i = 0; i < 400; i++)); do
    state=$(sqlite3 -readonly toy.db "select count(*) from trial where state = 'running'" 2>/dev/null) || state=0
    [ "$state" != 0 ] && break
    sleep 0.05
  done
  [ "$state" != 0 ]
  kill -$signal $running
  code=0
  wait $running || code=$?
  [ $code = $((128 + $(kill -l $signal))) ]
  expect_line stdout 'stopped; run the same command again to go on'
  [ "$(sqlite3 toy.db "select count(*) from trial where state = 'running'")" = 0 ]
  [ "$(sqlite3 toy.db "select count(*) from execution where outcome = 'running'")" = 0 ]
  [ ! -e toy.db.lock ]
done

# and so they do teaching
toy_study | sed 's/epochs: 2/epochs: 100000/; s/cache: teachers/cache: slow/' >slow.yaml
"$retort" teach slow.yaml >stdout 2>stderr &
running=$!
for ((i = 0; i < 200; i++)); do [ -e slow ] && break; sleep 0.05; done # until it is at work
kill -TERM $running
code=0
wait $running || code=$?
[ $code = 143 ]
expect_line stderr 'asked to stop'
