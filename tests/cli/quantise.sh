# Students in int8: measured in trials, objectives of the search, and written by distill.
. "$project/tests/cli/toy.bash"
toy_data
toy_study | sed 's/^distill:/&\n  quantise: ptq\n  ptq_rows: 20/; s/error, params, macs/int8_error, int8_kl, int8_bytes/
  $a full: {epochs: 10, quantise: qat}' >toy.yaml

rows() { # DB: all that depends on the study alone, measured latency aside
  sqlite3 -readonly "$1" "select * from trial; select * from metric where name <> 'latency';
    select * from curve; select * from front; select * from front_history"
}

expect_exit 0 "$retort" teach toy.yaml
expect_exit 0 "$retort" search toy.yaml --db one.db --workers 1 --trials 8
expect_exit 0 "$retort" search toy.yaml --db one.db --workers 1
expect_exit 0 "$retort" search toy.yaml --db two.db --workers "$two"
rows one.db >one
rows two.db >two
cmp one two

count() { sqlite3 one.db "select count(*) from metric where $1"; }
[ "$(count "name = 'int8_error' and value between 0 and 1 and stderr is not null")" = 12 ]
[ "$(count "name = 'int8_kl' and value > 0")" = 12 ]
[ "$(count "name = 'int8_bytes' and value = cast(value as integer)")" = 12 ]
[ "$(sqlite3 one.db 'select count(*) from front')" -gt 0 ]
expect_exit 0 "$retort" front one.db
expect_line stdout int8_bytes

expect_exit 0 "$retort" distill one.db 2 -o student.safetensors
expect_line stdout 'in int8, by integer arithmetic'
grep -E '^bytes +[0-9]+: [0-9.]+ times less than fp32, [0-9.]+ % saved of the ensemble' stdout
expect_line stdout 'weights in int8    student.int8.safetensors'
expect_line student.json '"int8_accuracy_retention"'
grep -aqE '"head.weight":\{"dtype":"I8","shape":\[3,' student.int8.safetensors
[ "$(stat -c %s student.int8.safetensors)" -lt "$(stat -c %s student.safetensors)" ]

# Without being asked for there is none.
toy_study >plain.yaml
expect_exit 0 "$retort" search plain.yaml --db plain.db --trials 3
[ "$(sqlite3 plain.db "select count(*) from metric where name = 'int8_error'")" = 0 ]
expect_exit 0 "$retort" distill plain.db 1 --steps 3 -o plain.safetensors
[ ! -e plain.int8.safetensors ]
