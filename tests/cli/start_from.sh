# search.start_from: another study's front and an architecture come after the first three trials.
. "$project/tests/cli/toy.bash"
toy_data
toy_study >toy.yaml
expect_exit 0 "$retort" search toy.yaml --trials 6

toy_study | sed '/^search:/a\  start_from: [toy.db, L2-d16-k8-h1-f16-p4]' >more.yaml
expect_exit 0 "$retort" search more.yaml --db more.db --trials 0
front=$(sqlite3 toy.db 'select count(*) from front')
[ "$(sqlite3 more.db 'select count(*) from start')" = $((front + 1)) ]
[ "$(sqlite3 more.db "select count(*) from candidate where origin = 'start'")" -ge 1 ]
mv toy.db away.db # resuming needs no other file
expect_exit 0 "$retort" search more.yaml --db more.db --trials 0
mv away.db toy.db

toy_study | sed '/^search:/a\  start_from: [nothing.db]' >bad.yaml
expect_exit 1 "$retort" search bad.yaml --db bad.db
expect_one_line stderr
expect_line stderr "'nothing.db' is neither an architecture of this space nor a database"
[ ! -e bad.db ]
toy_study | sed '/^search:/a\  start_from: [L60-d16-k8-h1-f16-p4]' >bad.yaml
expect_exit 1 "$retort" search bad.yaml --db bad.db
expect_line stderr 'is not in the space'
