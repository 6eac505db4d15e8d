# retort check: whole databases, and what is found in others. No control characters on a terminal.
. "$project/tests/cli/toy.bash"
toy_data
toy_study >toy.yaml
expect_exit 0 "$retort" search toy.yaml --trials 6
expect_exit 0 "$retort" check toy.db
[ ! -s stdout ]

found() { # TEXT SQL
  cp toy.db bad.db
  sqlite3 bad.db "drop trigger trial_moves; $2"
  expect_exit 1 "$retort" check bad.db
  expect_line stdout "$1"
}
found 'belongs to the front and is not on it' 'delete from front where trial = (select min(trial) from front)'
found 'trial 2 has no error' "delete from metric where trial = 2 and name = 'error'"
found 'names a row of' 'update latency set host = 99; update trial set candidate = 99 where number = 1'

sqlite3 bad.db "update study set name = 'a' || char(27) || '[2J'"
expect_exit 1 "$retort" check bad.db
expect_line stderr 'study.name'

cp toy.db bad.db
sqlite3 bad.db "drop trigger trial_moves; update trial set state = 'failed', error_kind = 'io', error = char(27) || '[2Jgone' where number = 3"
expect_exit 0 "$retort" status bad.db
expect_line stdout ' [2Jgone'
grep -q $'\033' stdout && exit 1
sqlite3 bad.db "update study set settings = json_set(settings, '\$.study', 'a;id'); update run set ending = null"
expect_exit 0 "$retort" status bad.db # what it says to go on with will be pasted
expect_line stdout 'retort search STUDY --db bad.db'
true
