# Help, version, and what happens to those who mistype.
expect_exit 0 "$retort" --version
expect_one_line stdout
grep -qE '^retort [0-9]+\.[0-9]+\.[0-9]+$' stdout

expect_exit 0 "$retort" help
for command in init teach plan search status front best compare importance report check distill confirm replay latency export predict sample data play bench doctor worker keygen slurm help; do
  expect_line stdout "  $command "
done
expect_exit 0 "$retort" --help
expect_line stdout 'usage: retort COMMAND'
expect_exit 0 "$retort" -h

for command in init teach plan search status front best compare importance report check distill confirm replay latency export predict sample data play bench doctor worker keygen slurm help; do
  expect_exit 0 "$retort" help "$command"
  expect_line stdout "usage: retort $command"
  cp stdout by_help
  expect_exit 0 "$retort" "$command" --help
  cmp stdout by_help
  # readable without scrolling
  [ "$(awk 'length > 100' stdout | wc -l)" = 0 ] || { cat stdout; exit 1; }
done

expect_exit 2 "$retort"
expect_one_line stderr
expect_line stderr "retort: error: no command; see 'retort help'"

expect_exit 2 "$retort" serch
expect_one_line stderr
expect_line stderr "unknown command 'serch', did you mean 'search'?"
expect_exit 2 "$retort" stat
expect_line stderr "did you mean 'status'?"
expect_exit 2 "$retort" frobnicate
expect_line stderr "retort: error: unknown command 'frobnicate'; see 'retort help'"
expect_exit 2 "$retort" help serch
expect_one_line stderr
expect_line stderr "did you mean 'search'?"
[ ! -s stdout ]
