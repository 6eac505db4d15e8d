# A database that is not there, is none, or cannot be read: one line, exit 1, and no file appears.
failed() { # TEXT COMMAND...
  local text=$1
  shift
  expect_exit 1 "$retort" "$@"
  expect_one_line stderr
  expect_line stderr "retort $1: error: "
  expect_line stderr "$text"
  [ ! -s stdout ]
}

mkdir folder
: >empty
echo 'this is no database, only a text that is long enough to be read as a header of one, or is it not' >text
for command in status front best importance; do
  failed 'missing.db' "$command" missing.db
  failed 'folder' "$command" folder
  failed "'empty'" "$command" empty
  failed "'text'" "$command" text
done
failed 'missing.db' status missing.db --watch 5
failed 'missing.db' status --watch 5 missing.db
failed 'missing.db' report missing.db -o page.html
failed 'missing.db' report missing.db --figures plots
[ ! -e page.html ] && [ ! -e plots ] && [ ! -e missing.db ]
