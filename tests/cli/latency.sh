# Latency measured again: here, and by a command that stands for another machine.
. "$project/tests/cli/toy.bash"
toy_data
toy_study | sed -e 's/objectives: .*/objectives: [error, latency]/' -e "s/workers: 1/workers: $two/" -e 's/latency: {/&batch: [1, 2], /' >toy.yaml
ask() { sqlite3 -readonly toy.db "$1"; }

expect_exit 0 "$retort" search toy.yaml --trials 14 --workers "$two"
# all settings of all students, and each figure is the metric of its trial
[ "$(ask "select count(*) from latency where blocks > 0")" = 28 ]
[ "$(ask "select count(distinct metric) from latency where metric in ('latency', 'latency@1x2')")" = 2 ]
[ "$(ask "select count(*) from latency l join trial t using (candidate) join metric m on m.trial = t.number
    and m.name = l.metric where abs(m.value * 1e6 / l.value - 1) > 1e-9")" = 0 ]
[ "$(ask "select timing > 0 and standing >= 0 from run")" = 1 ]
expect_exit 0 "$retort" check toy.db
expect_exit 0 "$retort" status toy.db
expect_line stdout 'figures clear; measuring them took '
expect_exit 0 "$retort" report toy.db -o toy.html
expect_line toy.html "of the workers' time."

before=$(ask "select count(*) from latency_block where trial is null")
expect_exit 0 "$retort" latency toy.db --seconds 0
expect_line stdout 'latency@1x2, 1 thread, batch 2'
after=$(ask "select count(*) from latency_block where trial is null")
[ "$after" -gt "$before" ]
expect_exit 0 "$retort" latency toy.db 1 --blocks 20 --seconds 60
[ "$(ask "select min(blocks) >= 20 from latency where candidate = 1")" = 1 ]
expect_exit 0 "$retort" check toy.db

# the reference's best is remembered beyond the study: beside a machine that was once much faster nothing is clear
record=$XDG_STATE_HOME/retort/references
grep -qP '^[0-9.]+\t1\t2\t' "$record"
sed -i -E 's/^[0-9.]+/1/' "$record"
expect_exit 0 "$retort" latency toy.db 1 --seconds 0
[ "$(ask "select count(*) from latency where state = 'estimated' and weather > 100")" = 28 ]
rm "$record"
expect_exit 0 "$retort" latency toy.db 1 --seconds 0
[ "$(ask "select count(*) from latency where weather > 100")" = 0 ]

# elsewhere: its own rows, and no metric of the study's
ask "select trial, name, value from metric order by trial, name" >metrics
expect_exit 0 "$retort" latency toy.db --all --seconds 0 --host board --command "$retort latency --answer"
ask "select trial, name, value from metric order by trial, name" >again
cmp metrics again
[ "$(ask "select count(*) from latency join host h on h.id = latency.host where h.host = 'board'
    and metric is null and blocks > 0")" = 28 ]
expect_exit 0 "$retort" latency toy.db 1 --seconds 0 --host other --command "$retort latency --answer"
[ "$(ask "select count(*) from latency join host h on h.id = latency.host where h.host = 'other'")" = 2 ]

# what a command of somebody's own may answer, and what it may not
cat >fixed <<'END'
#!/bin/sh
while read -r line; do echo '{"cpu": "toy", "blocks": [{"calls": 30, "p10": 900, "median": 950, "p90": 990}]}'; done
END
chmod +x fixed
expect_exit 0 "$retort" latency toy.db 1 --seconds 0 --host fixed --command ./fixed
expect_line stdout 'single '
expect_not grep -q nan stdout
[ "$(ask "select group_concat(distinct value) from latency l join host h on h.id = l.host where h.host = 'fixed'")" = 950.0 ]
for wrong in 'nonsense' '{"blocks": []}' '{"error": "no such phone"}' '{"blocks": [{"calls": 30, "p10": -1, "median": 1, "p90": 1}]}'; do
  printf '#!/bin/sh\nread -r line; echo '\''%s'\''\n' "$wrong" >wrong
  chmod +x wrong
  expect_exit 1 "$retort" latency toy.db 1 --host wrong --command ./wrong
  expect_one_line stderr
done
expect_exit 1 "$retort" latency toy.db 1 --host wrong --command 'sh -c exit'
expect_line stderr 'ended without an answer'
expect_exit 1 "$retort" latency toy.db 1 --host wrong --command ./missing
expect_one_line stderr
[ "$(ask "select count(*) from host where host = 'wrong'")" = 0 ]

# a study whose latency is that of another machine, which hangs up after each five answers
cat >board <<END
#!/bin/sh
for i in 1 2 3 4 5; do read -r line && echo "\$line"; done | "$retort" latency --answer
END
chmod +x board
sed -e 's/toy.db/board.db/' -e 's/latency: {/&host: board, command: .\/board, /' toy.yaml >board.yaml
expect_exit 0 "$retort" doctor board.yaml
expect_line stdout "'board' measures: "
expect_exit 0 "$retort" search board.yaml --trials 8 --workers "$two"
board() { sqlite3 -readonly board.db "$1"; }
[ "$(board "select count(*) from trial where state = 'committed'")" = 8 ]
[ "$(board "select group_concat(distinct h.host) from latency_block b join host h on h.id = b.host")" = board ]
[ "$(board "select count(*) from latency l join trial t using (candidate) join metric m on m.trial = t.number
    and m.name = l.metric where abs(m.value * 1e6 / l.value - 1) < 1e-9")" = 16 ]
[ "$(board "select label from quantity where name = 'latency'")" = 'latency on board' ]
[ "$(board "select count(*) from latency_block where gated")" = 0 ]
before=$(board "select count(*) from latency_block")
expect_exit 0 "$retort" latency board.db --seconds 0
[ "$(board "select count(*) > $before and count(distinct host) = 1 from latency_block")" = 1 ]
expect_exit 0 "$retort" check board.db
sed 's/host: board/host: other/' board.yaml >other.yaml
expect_exit 1 "$retort" search other.yaml --db board.db
expect_line stderr 'belongs to another study'
sed 's/command: .\/board/command: .\/gone/' board.yaml >gone.yaml # how to reach it is no part of the study
expect_exit 1 "$retort" search gone.yaml --db board.db --trials 9
expect_one_line stderr
expect_line stderr "cannot start './gone'"
[ "$(board "select count(*) from trial")" = 8 ]
sed 's/host: board, //' board.yaml >half.yaml
expect_exit 1 "$retort" search half.yaml
expect_line stderr 'latency.command: host is what to call the machine that command measures on; give both'

# of what was trained fully latency is measured when all cores are at rest, for as long as is said
before=$(ask "select count(*) from latency_block")
expect_exit 0 "$retort" confirm toy.db --controls 0 --steps 5 --seconds 0
[ "$(ask "select count(*) from latency_block")" = "$before" ]
expect_exit 0 "$retort" confirm toy.db --controls 0 --steps 5 --seconds 0.4
[ "$(ask "select count(*) > $before or not exists (select 1 from latency l join confirmation r using (candidate)
    where l.metric is not null and l.state <> 'clear') from latency_block")" = 1 ]
expect_exit 0 "$retort" check toy.db

echo 'nonsense' | expect_exit 0 "$retort" latency --answer
expect_line stdout '{"error":"the line is no object in JSON"}'
expect_exit 2 "$retort" latency toy.db --host board
expect_exit 2 "$retort" latency toy.db --command ./fixed
expect_exit 2 "$retort" latency
expect_exit 1 "$retort" latency toy.db 4711
expect_line stderr "no candidate '4711'"
expect_exit 1 "$retort" latency missing.db
expect_one_line stderr
