# search.replicates: members of the front get further seeds; the same rows for any number of workers.
. "$project/tests/cli/toy.bash"
toy_data
toy_study | sed 's/trials: 12/trials: 30/; s/initial: 6/initial: 6\n  replicates: 3/' >toy.yaml
expect_exit 0 "$retort" search toy.yaml --workers 1
[ "$(sqlite3 toy.db 'select count(*) > 3, max(replicate) <= 2 from trial where replicate > 0')" = '1|1' ]
[ "$(sqlite3 toy.db "select count(*) from repeated r join pareto p on p.trial = r.trial
  where r.name = 'error' and (r.value <> p.error or r.seeds <> p.seeds)")" = 0 ]

# the leaderboard has a candidate once, with the mean of its seeds
[ "$(sqlite3 toy.db "select count(*) = (select count(*) from trial where replicate = 0), max(seeds) from leaderboard")" = '1|3' ]
[ "$(sqlite3 toy.db "select count(*) from leaderboard l join repeated r on r.trial = l.trial and r.name = 'error'
  where l.error <> r.value or l.value <> r.value or l.seeds <> r.seeds")" = 0 ]
[ "$(sqlite3 toy.db "select count(*) from (select value < lag(value) over () as falls from leaderboard) where falls")" = 0 ]

rows() { sqlite3 -readonly "$1" "select * from candidate; select * from trial; select * from metric where name not like
  'latency%'; select * from repeated; select * from front; select * from front_history"; }
expect_exit 0 "$retort" search toy.yaml --workers "$two" --db two.db
rows toy.db >one
rows two.db | cmp one -

# shown in all of them
expect_exit 0 "$retort" front toy.db
expect_line stdout 'seeds front'
expect_exit 0 "$retort" front toy.db --format csv
expect_line stdout ',seeds,probability'
expect_exit 0 "$retort" report toy.db -o toy.html
expect_line toy.html 'on the front, %'
expect_exit 0 "$retort" check toy.db

# each seed of a member can be trained again
trial=$(sqlite3 toy.db 'select max(number) from trial where replicate > 0')
expect_exit 0 "$retort" replay toy.db "$trial"

# it decides what is tried, so another number is another study; 1 is what there was before the key
sed 's/replicates: 3/replicates: 5/' toy.yaml >other.yaml
expect_exit 1 "$retort" search other.yaml --db toy.db
expect_line stderr 'belongs to another study'
sed '/replicates/d' toy.yaml >without.yaml
sed 's/replicates: 3/replicates: 1/' toy.yaml >off.yaml
expect_exit 0 "$retort" search without.yaml --db off.db --trials 8
expect_exit 0 "$retort" search off.yaml --db off.db --trials 9
