# Output that cannot be written is a failure; a reader that went away is none.
if [ -w /dev/full ]; then
  code=0
  "$retort" help >/dev/full 2>stderr || code=$?
  [ "$code" = 1 ]
  expect_one_line stderr
  expect_line stderr 'cannot write standard output: No space left on device'
fi
"$retort" help 2>stderr | true
[ "${PIPESTATUS[0]}" = 0 ] && [ ! -s stderr ]
code=0
"$retort" --version >&- 2>stderr || code=$?
[ "$code" = 1 ]
expect_line stderr 'cannot write standard output'
