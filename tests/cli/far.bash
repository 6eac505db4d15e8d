# shellcheck shell=bash
# A search that listens, and workers of it as on other machines: processes with caches of their own.
# Sourced as "$project/tests/cli/far.bash".
# shellcheck disable=SC2154  # retort: of run_case

# listen STUDY DB OPTION...: a search in the background; its address goes into $address.
listen() {
  local i
  : >"$2.err"
  "$retort" search "$1" --db "$2" --listen "${at:-tcp://127.0.0.1:0}" "${@:3}" >"$2.out" 2>"$2.err" &
  search=$!
  for ((i = 0; i < 400; i++)); do
    address=$(sed -n 's/^listening at \([^,]*\).*/\1/p' "$2.err")
    [ -z "$address" ] || return 0
    kill -0 $search 2>/dev/null || break
    sleep 0.05
  done
  cat "$2.err" >&2
  return 1
}
# work NAME OPTION...: a worker in the background, with a cache of its own.
work() {
  "$retort" worker --connect "$address" --cache "cache-$1" "${@:2}" >"$1.out" 2>"$1.err" &
}
# wait_for_running DB: until a trial runs, for 60 s.
wait_for_running() {
  local i count
  for ((i = 0; i < 1200; i++)); do
    count=$(sqlite3 -readonly "$1" "select count(*) from trial where state = 'running'" 2>/dev/null) || count=0
    [ "$count" = 0 ] || return 0
    sleep 0.05
  done
  return 1
}
# alone STUDY DB NAME OPTION...: such a search with one such worker and none of its own, to its end.
alone() {
  local worker
  listen "$1" "$2" --workers 0
  work "$3" "${@:4}"
  worker=$!
  wait "$search"
  wait "$worker"
}
