# A study of schema 2 goes on under this program: the same rows as a study that never was one.
. "$project/tests/cli/toy.bash"
toy_data
toy_study >toy.yaml

rows() { # DB: all that depends on the study alone, measured latency aside
  sqlite3 -readonly "$1" "select * from candidate; select * from layer; select * from trial;
    select * from metric where name <> 'latency'; select * from curve; select * from front;
    select * from front_history; select * from prediction; select * from teacher_metric"
}

# older DB OLD: the rows of DB in a file as the last program of schema 2 made it.
older() {
  sqlite3 shape.db <"$project/tests/schema2.sql"
  sqlite3 shape.db .schema | sqlite3 "$2"
  sqlite3 shape.db "select name from sqlite_schema where type = 'table' and name <> 'latency'" | while read -r table; do
    columns=$(sqlite3 shape.db "select group_concat(name) from pragma_table_info('$table')")
    sqlite3 "$2" "attach '$1' as new; insert into $table ($columns) select $columns from new.$table"
  done
  sqlite3 "$2" "attach '$1' as new; insert into latency select id, trial, candidate, host, batch, threads, 20, calls,
    median, 0, p10, p90, concurrent, measured_at from new.latency_block where id in (select min(id)
    from new.latency_block where trial is not null group by trial)"
  sqlite3 "$2" "pragma application_id = 1381257812; pragma user_version = 2; pragma journal_mode = wal" >wal
}

expect_exit 0 "$retort" search toy.yaml --db whole.db
expect_exit 0 "$retort" search toy.yaml --db half.db --trials 7
older half.db old.db
sqlite3 -readonly old.db "select * from pareto" >before

expect_exit 0 "$retort" front old.db
expect_line stdout 'architecture'
expect_exit 0 "$retort" report old.db -o old.html
[ "$(sqlite3 old.db 'pragma user_version')" = 2 ]

expect_exit 0 "$retort" search toy.yaml --db old.db
expect_line stderr 'has been brought up to date; as it was: '
[ "$(sqlite3 old.db 'pragma user_version')" = 4 ]
[ "$(sqlite3 old.schema2.db 'pragma user_version')" = 2 ]
rows whole.db >whole
rows old.db >old
cmp whole old
sqlite3 -readonly old.schema2.db "select * from pareto" >after
cmp before after

# One of tomorrow is left alone.
sqlite3 old.db 'pragma user_version = 5'
expect_exit 1 "$retort" status old.db
expect_line stderr 'use a newer retort'
