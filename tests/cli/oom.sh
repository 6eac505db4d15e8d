# A trial that the system kills for lack of memory: really, by a group's limit, into which the process of an
# isolated worker is put. It costs a process, and the rows are those of a search without it.
. "$project/tests/cli/toy.bash"
group=
for root in /sys/fs/cgroup /sys/fs/cgroup/memory; do # version 2, version 1
  limit=$root/retort-test-$$/memory.max
  [ $root = /sys/fs/cgroup ] || limit=$root/retort-test-$$/memory.limit_in_bytes
  mkdir "$root/retort-test-$$" 2>/dev/null || continue
  if [ -w "$limit" ] && echo 400k >"$limit" 2>/dev/null; then group=$root/retort-test-$$; break; fi
  rmdir "$root/retort-test-$$" 2>/dev/null || true
done
[ -n "$group" ] || { skip "a kill for lack of memory (no group with a limit can be made)"; exit 0; }
# shellcheck disable=SC2064
trap "kill -9 \$running 2>/dev/null || true; sleep 0.1; rmdir '$group' 2>/dev/null; rm -rf '$PWD'" EXIT
running=
kills() { awk '$1 == "oom_kill" { n = $2 } END { print n + 0 }' "$group"/memory.events "$group"/memory.oom_control 2>/dev/null; }

toy_data
toy_study | sed 's/steps: 20/steps: 1200/' >toy.yaml
expect_exit 0 "$retort" search toy.yaml --db whole.db --trials 6
"$retort" search toy.yaml --db night.db --isolate --workers "$two" --trials 6 >stdout 2>stderr &
running=$!
for ((i = 0; i < 1200; i++)); do
  child=$(pgrep -P $running | head -1) || child=
  state=$(sqlite3 -readonly night.db "select count(*) from trial where state = 'running'" 2>/dev/null) || state=0
  [ "$state" = 0 ] || [ -z "$child" ] || break
  sleep 0.05
done
echo "$child" >"$group/cgroup.procs" # what it asks for from now on counts
code=0
wait $running || code=$?
[ $code = 0 ] || { cat stderr; exit 1; }
if [ "$(kills)" = 0 ]; then skip "a kill for lack of memory (the group's limit kills nobody)"; exit 0; fi
expect_gone "$child"
"$project/tests/compare_rows" whole.db night.db
expect_exit 0 "$retort" check night.db
