# Databases that do not belong to the study, folders that cannot be written, disks that are full.
. "$project/tests/cli/toy.bash"
toy_data
toy_study >toy.yaml
expect_exit 0 "$retort" search toy.yaml

failed() { # TEXT COMMAND...
  local text=$1
  shift
  expect_exit 1 "$retort" "$@"
  expect_one_line stderr
  expect_line stderr "$text"
}

toy_study | sed 's/seed: 3/seed: 4/' >other.yaml
failed "'toy.db' belongs to another study" search other.yaml

# one whose study failed before it tried anything is in nobody's way when that is mended
toy_study | sed '/name: one/,/train:/c\    - {name: own, command: ["false"]}' >early.yaml
expect_exit 1 "$retort" search early.yaml --db early.db
[ -s early.db ]
expect_exit 0 "$retort" search toy.yaml --db early.db
expect_line stderr "'early.db' was begun by another study that tried nothing: it begins anew"
"$project/tests/compare_rows" toy.db early.db
cp toy.db new.db
sqlite3 new.db 'pragma user_version = 7'
failed "'new.db' has schema version 7" search toy.yaml --db new.db
failed "'new.db' has schema version 7" status new.db
sqlite3 foreign.db 'create table t (x)'
failed "'foreign.db'" search toy.yaml --db foreign.db
[ "$(sqlite3 foreign.db .tables)" = t ]
echo 'this is a text, not a database, and it is long enough to be looked at as if it were one: see?' >text.db
cp text.db copy
failed "'text.db'" search toy.yaml --db text.db
cmp text.db copy
head -c 20000 toy.db >short.db
failed "'short.db'" search toy.yaml --db short.db

# a page that is damaged is told, and not taken for the end of a table
damaged() { # NAME FILE: a copy whose table or index of that name has no first page
  cp toy.db "$2"
  sqlite3 "$2" 'pragma wal_checkpoint(truncate)' >/dev/null
  local page size
  page=$(sqlite3 "$2" "select rootpage from sqlite_schema where name = '$1'")
  size=$(sqlite3 "$2" 'pragma page_size')
  dd if=/dev/zero of="$2" bs="$size" seek=$((page - 1)) count=1 conv=notrunc status=none
}
damaged sqlite_autoindex_candidate_1 candidate.db
failed "cannot read 'candidate.db': database disk image is malformed" distill candidate.db L1-d8-k8-h1-f8-p4
damaged candidate front.db
toy_study | sed '/^search:/a\  start_from: [front.db]' >start.yaml
failed "cannot read the front of 'front.db': database disk image is malformed" search start.yaml --db start.db

# what a search does with it has an end, too
cp toy.db endless.db
sqlite3 endless.db "create trigger endless after insert on event begin select max(x) from (with recursive c (x) as
  (select 1 union all select x + 1 from c) select x from c); end"
failed "'endless.db': it takes more work than a study of its size can, so it is damaged; save what is left" search toy.yaml --db endless.db --trials 13

# a second writer
toy_study | sed 's/steps: 20/steps: 20000/; s/trials: 12/trials: 0/' >long.yaml
"$retort" search long.yaml --db long.db 2>/dev/null >/dev/null &
writer=$!
for ((i = 0; i < 200; i++)); do
  if [ "$(sqlite3 -readonly long.db 'select count(*) from trial' 2>/dev/null)" -gt 0 ] 2>/dev/null; then break; fi
  sleep 0.05
done
failed "$writer" search long.yaml --db long.db
expect_exit 0 "$retort" status long.db
kill -TERM $writer
code=0
wait $writer || code=$?
[ $code = 143 ]

# a trial that needs more than it may is a failed trial with its reason; a night of them is told
toy_study | sed 's/workers: 1/&\n  worker_memory: 60000/' >memory.yaml
expect_exit 1 "$retort" search memory.yaml --db memory.db
expect_line stderr 'all 12 trials failed, the last is trial 11 (memory)'
[ "$(grep ' done' stderr | tail -n 1 | cut -d' ' -f1)" = "$(sqlite3 memory.db 'select count(*) || "/" || count(*) from trial')" ] # failed trials count once
[ "$(sqlite3 memory.db "select count(*) > 0 and min(error) like '%search.worker_memory%' from failures where error_kind = 'memory'")" = 1 ]

mkdir disk
failed "'/proc/study.db" search toy.yaml --db /proc/study.db
if mount -t tmpfs -o size=60k tmpfs disk 2>/dev/null; then
  # shellcheck disable=SC2064
  trap "umount '$PWD/disk'; rm -rf '$PWD'" EXIT
  failed 'full' search toy.yaml --db disk/study.db
  [ "$(ls disk)" = '' ]
  head -c 50000 /dev/zero >disk/filling
  failed 'disk/page.html' report toy.db -o disk/page.html
  [ "$(ls disk)" = filling ]
  mount -o remount,size=10m disk
  expect_exit 0 "$retort" search toy.yaml --db disk/study.db
  mount -o remount,ro disk
  failed 'Read-only' search toy.yaml --db disk/new.db
  failed 'Read-only' report toy.db -o disk/page.html
  failed 'Read-only' init image disk/new
fi
