# What a night comes to, before it is spent: figures that are there and agree, and nothing written.
. "$project/tests/cli/toy.bash"
toy_data
toy_study >toy.yaml

expect_exit 0 "$retort" plan toy.yaml --seconds 0.1
for line in 'teachers   1 of 1 to train' 'a trial ' 'trials ' 'about 12 trials in' 'memory     at most' 'disk  ' 'by 30 rows'; do
  expect_line stdout "$line"
done
[ "$(awk 'length > 80' stdout | wc -l)" = 0 ]
[ ! -e teachers ] && [ ! -e toy.db ]

# field NAME: of the one row
field() { awk -F, -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) n = i } NR == 2 { print $n }' stdout; }
expect_exit 0 "$retort" plan toy.yaml --seconds 0.1 --format csv --hours 2 --trials 0
awk -v trials="$(field trials)" -v rate="$(field trials_per_hour)" -v trial="$(field trial_seconds)" \
  'BEGIN { exit !(trial > 0 && rate * trial > 3599 && rate * trial < 3601 && trials > 1.99 * rate && trials < 2.01 * rate) }'
[ "$(field to_train)" = 1 ]
expect_exit 0 "$retort" plan toy.yaml --seconds 0.1 --format json --trials 0
[ "$(sqlite3 :memory: "select json_type(readfile('stdout'), '$.trials')")" = null ] # no end is no number

# A search that has begun goes on: its teachers, trials, and errors are what they are.
expect_exit 0 "$retort" search toy.yaml --trials 5
expect_exit 0 "$retort" plan toy.yaml --seconds 0.1 --format csv
[ "$(field to_train)" = 0 ] && [ "$(field trials_done)" = 5 ] && [ "$(field trials)" = 7 ]
best=$(sqlite3 toy.db "select printf('%.6g', min(value)) from metric where name = 'error'")
[ "$(field error)" = "$best" ]

expect_exit 2 "$retort" plan toy.yaml --until 25:00
expect_line stderr "--until '25:00' is no time of the day"
expect_exit 2 "$retort" plan
expect_exit 1 "$retort" plan no.yaml
expect_one_line stderr
