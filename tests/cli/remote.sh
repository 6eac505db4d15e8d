# Workers on other machines, played by processes with caches of their own: the same rows as on one, whoever
# comes and goes.
. "$project/tests/cli/toy.bash"
. "$project/tests/cli/far.bash"
toy_data
toy_study >toy.yaml
expect_exit 0 "$retort" search toy.yaml --db one.db

# two workers, one of which is killed in its trials, and none of the search's own
sed 's/steps: 20/steps: 300/' toy.yaml >long.yaml
expect_exit 0 "$retort" search long.yaml --db long.db --trials 6
listen long.yaml far.db --workers 0 --trials 6
work a --slots 2
first=$!
wait_for_running far.db
kill -KILL $first
wait $first 2>/dev/null || true
work b
second=$!
wait $search
wait $second
expect_line b.out "the search at $address is over"
"$project/tests/compare_rows" long.db far.db
[ "$(sqlite3 far.db "select count(*) > 0 from event where kind = 'lost'")" = 1 ]
expect_exit 0 "$retort" check far.db
expect_exit 0 "$retort" status far.db
grep -qE '^elsewhere   .*: 2 workers; 6 trials, [0-9.]+ an hour; [1-9][0-9]* lost, 0 given back$' stdout

# the search is killed and begun again at the same address, which its worker waits for; what that has of the
# study from another search is broken, and fetched anew
for file in cache-b/*/study.db; do echo broken >"$file"; done
listen long.yaml again.db --workers 0 --trials 6
work b
third=$!
wait_for_running again.db
kill -KILL $search
wait $search 2>/dev/null || true
at=$address
listen long.yaml again.db --workers 1 --trials 6
unset at
wait $search
wait $third
"$project/tests/compare_rows" long.db again.db
[ "$(find cache-b -name '*.json' | wc -l)" = 1 ]

# a worker whose copy of what it learns from is written into leaves, says so, and its trial goes to another, which
# fetches that anew; what trials left that were lost, here or long ago, goes
listen long.yaml spoilt.db --workers 0 --trials 6
work s --copy
spoilt=$!
wait_for_running spoilt.db
printf '\377\377' | dd of="$(find cache-s -name knowledge.rtk)" bs=1 seek=5000 conv=notrunc 2>/dev/null
code=0
wait $spoilt || code=$?
[ $code = 1 ]
expect_line s.err "/knowledge.rtk' is no longer what the search has"
other=cache-s/0123456789abcdef0123456789abcdef/study.runs
here=$(dirname cache-s/*/study.db)/study.runs
mkdir -p "$here" $other
echo lost | tee "$here/trial-77.state" $other/trial-{1,2}.state >/dev/null
touch -d '40 days ago' $other/trial-2.state
work s --copy
seventh=$!
wait $search
wait $seventh
"$project/tests/compare_rows" long.db spoilt.db
[ "$(find cache-s -name '*.state')" = $other/trial-1.state ]

# files are sent where they are not here, weights of parents come and go by hash, latency is measured by the
# search, beside workers of its own
sed "s/^search:/search:\n  inherit: parent/; s/\[error, macs\]/[error, latency]/; s|: train-images|: $PWD/train-images|" \
  toy.yaml >family.yaml
expect_exit 0 "$retort" search family.yaml --db family.db
listen family.yaml sent.db --workers 1
work d --slots 2 --copy
fourth=$!
wait $search
wait $fourth
"$project/tests/compare_rows" family.db sent.db
[ "$(sqlite3 sent.db 'select count(*) from checkpoint')" = 12 ]
[ "$(sqlite3 sent.db "select count(*) from metric where name = 'latency' and value > 0")" = 12 ]
cmp cache-d/*/root"$PWD"/train-images train-images
[ ! -L "$(echo cache-d/*/root"$PWD"/train-images)" ]

# a worker that has given up leaves, whatever it is at
sed 's/steps: 20/steps: 1000000000/' toy.yaml >endless.yaml
listen endless.yaml endless.db --workers 0
work h --wait 1
idler=$!
wait_for_running endless.db
kill -KILL $search
wait $search 2>/dev/null || true
for ((i = 0; i < 1200; i++)); do
  kill -0 $idler 2>/dev/null || break
  sleep 0.05
done
[ "$i" -lt 1200 ]
expect_line h.err "no search answered at '$address' for 1 s"

# options that would do nothing
expect_exit 2 "$retort" worker --slots 4 far.db
expect_line stderr "'--slots' goes with --connect"
for option in --isolate --pin; do
  expect_exit 2 "$retort" search toy.yaml --db none.db --listen tcp://127.0.0.1:0 --workers 0 $option
  expect_line stderr "$option is for workers of this machine, and --workers 0 leaves none"
done

# keys: none is needed here, but it is asked for beyond, and has to be the same
expect_exit 0 "$retort" keygen key
[ "$(stat -c %a key)" = 600 ]
expect_exit 1 "$retort" keygen key
expect_line stderr 'a key is never overwritten'
expect_exit 1 "$retort" search toy.yaml --db none.db --listen tcp://0.0.0.0:0
expect_one_line stderr
expect_line stderr 'needs a key: make one by'
expect_exit 0 "$retort" keygen other
# nothing beside the database is touched, and nothing is left elsewhere
cp one.db key.remote.db
echo kept >key.remote.json
mkdir temporary
TMPDIR=$PWD/temporary listen toy.yaml key.db --workers 0 --key key
expect_exit 1 "$retort" worker --connect "$address" --key other --cache cache-e
expect_one_line stderr
expect_line stderr "the search at '$address' has another key than 'other', or none"
expect_exit 1 "$retort" worker --connect "$address" --cache cache-e
expect_one_line stderr
expect_line stderr "wants a key: give --key FILE"
head -c 3000 /dev/urandom >"/dev/tcp/127.0.0.1/${address##*:}"
work f --key key
fifth=$!
wait $search
wait $fifth
"$project/tests/compare_rows" one.db key.db
cmp one.db key.remote.db
[ "$(cat key.remote.json)" = kept ]
rmdir temporary
[ "$(sqlite3 key.db "select count(*) from event where kind = 'strangers'")" = 1 ]
chmod 644 other
expect_exit 1 "$retort" worker --connect "$address" --key other
expect_line stderr "others may read the key 'other': chmod 600 other"

# a command of the user's, which is sent along, and fails there as it does here
if command -v python3 >/dev/null; then
  cp "$project"/examples/evaluator/tiny.* .
  : >tiny.empty
  sed -i "s|command: .*|command: [python3, tiny.py, tiny.empty, $PWD/one.db]|" tiny.yaml
  expect_exit 0 "$retort" search tiny.yaml --db tiny.db
  listen tiny.yaml there.db --workers 0
  expect_line there.db.err "'$PWD/one.db' is not sent: it has to be on all machines"
  work g --slots 2 --copy
  sixth=$!
  wait $search
  wait $sixth
  "$project/tests/compare_rows" tiny.db there.db
  for db in tiny.db there.db; do
    sqlite3 $db "select trial, text from event where kind = 'attempt' order by trial, text" >"$db.attempts"
  done
  [ -s tiny.db.attempts ]
  cmp tiny.db.attempts there.db.attempts
  cmp cache-g/*/root"$PWD"/tiny.empty tiny.empty
else
  skip python3
fi
