# What the teachers said is written into, or cut short, by others while a search learns from it: the search ends
# with a line that says which file and what mends it, no trial fails, and the same command makes the same rows.
. "$project/tests/cli/toy.bash"
. "$project/tests/cli/far.bash"
toy_data
toy_study | sed 's/steps: 20/steps: 4000/; s/trials: 12/trials: 5/' >toy.yaml
cache=teachers/knowledge.rtk
expect_exit 0 "$retort" search toy.yaml --db whole.db
cp $cache sound.rtk

# dirtied COMMAND...: a search of dirty.db, harmed by `harm` behind its first trial
dirtied() {
  local i job count code=0
  rm -f dirty.db*
  "$@" >stdout 2>stderr &
  job=$!
  for ((i = 0; i < 6000; i++)); do
    count=$(sqlite3 -readonly dirty.db "select count(*) from trial where state = 'committed'" 2>/dev/null) || count=0
    [ "$count" = 0 ] || break
    sleep 0.01
  done
  harm
  wait $job || code=$?
  [ $code = 1 ] || { echo "dirty_cache: exit $code: $*"; cat stderr; exit 1; }
  grep 'error: ' stderr >error
  expect_one_line error
  expect_line error "'$cache' "
  expect_line error 'retort teach'
  [ "$(sqlite3 dirty.db 'select count(*) from failures')" = 0 ]
  [ "$(sqlite3 dirty.db "select count(*) from trial where state = 'committed'")" -lt 5 ]
  expect_exit 1 "$@"
  expect_line stderr "$cache"
  rm $cache
  expect_exit 0 "$retort" teach toy.yaml
  cmp $cache sound.rtk
  expect_exit 0 "$@"
  "$project/tests/compare_rows" whole.db dirty.db
}

for how in '' --isolate; do
  harm() { printf '\377\377' | dd of=$cache bs=1 seek=5000 conv=notrunc 2>/dev/null; }
  # shellcheck disable=SC2086  # no word, or one
  dirtied "$retort" search toy.yaml --db dirty.db --workers "$two" $how
  harm() { truncate -s 4096 $cache; }
  # shellcheck disable=SC2086
  dirtied "$retort" search toy.yaml --db dirty.db --workers "$two" $how
done

# a search without workers of its own, and one elsewhere that learns from the same file
elsewhere() {
  local worker code=0
  listen toy.yaml dirty.db --workers 0 || return 1
  work far
  worker=$!
  wait "$search" || code=$?
  wait $worker || true
  cat dirty.db.err >&2
  return $code
}
harm() { printf '\377\377' | dd of=$cache bs=1 seek=5000 conv=notrunc 2>/dev/null; }
dirtied elsewhere
[ "$(sqlite3 dirty.db 'select sum(lost) from remote')" = 0 ]

# while nobody works, too
listen toy.yaml idle.db --workers 0
harm
code=0
wait "$search" || code=$?
[ $code = 1 ]
grep 'error: ' idle.db.err >error
expect_one_line error
expect_line error "'$cache' "
