#!/usr/bin/env bash
# Do the kernel sets agree? The same space-filling trials with each of them, and the differences of
# their validation errors: bench/kernel_sets.sh RETORT STUDY TRIALS STEPS [SET...]
# The study's teachers are taught once, by the first set, and shared. Needs sqlite3.
set -euo pipefail
retort=$(realpath "$1") study=$(realpath "$2") trials=$3 steps=$4
shift 4
[ $# -gt 0 ] || set -- v4 v3 plain
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT

# As the study, but nothing evolves: all sets propose the same students.
sed -e "s/^  steps:.*/  steps: $steps/" -e "s/^  initial:.*/  initial: $trials/" \
  -e 's/^  objectives:.*/  objectives: [error, params]/' "$study" >"$(dirname "$study")/.sets.yaml"
trap 'rm -rf "$work" "$(dirname "$study")/.sets.yaml"' EXIT
for set; do
  RETORT_KERNELS=$set "$retort" search "$(dirname "$study")/.sets.yaml" --db "$work/$set.db" \
    --trials "$trials" 2>"$work/$set.log" || { cat "$work/$set.log"; exit 1; }
done
first=$1
shift
for set; do
  sqlite3 -header -column "$work/$first.db" "attach '$work/$set.db' as other;
    with pair as (select a.value - b.value as d, abs(a.value - b.value) as size, a.stderr as se
      from main.metric a join other.metric b on a.trial = b.trial and b.name = a.name
        join main.trial t on t.number = a.trial join main.candidate c on c.id = t.candidate
        join other.trial u on u.number = b.trial join other.candidate e on e.id = u.candidate
      where a.name = 'error' and c.arch = e.arch)
    select '$first - $set' as sets, count(*) as trials, printf('%+.4f', avg(d)) as mean,
      printf('%.4f', sqrt((avg(d * d) - avg(d) * avg(d)) / (count(*) - 1))) as standard_error,
      printf('%.4f', max(size)) as largest, printf('%.4f', avg(se)) as sampling_error from pair"
done
