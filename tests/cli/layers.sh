# Layer-wise distillation in trials and in `distill`: the same rows for any number of workers and
# after a kill, its losses in the curve, and what cannot be learned from refused before any training.
. "$project/tests/cli/toy.bash"
toy_data
toy_study | sed 's/arch: L1-d16/arch: L2-d16/; s/^distill:/&\n  layers: {map: random}/' >toy.yaml

rows() { # DB: all that depends on the study alone, measured latency aside
  sqlite3 -readonly "$1" "select * from trial; select * from metric where name <> 'latency';
    select * from curve"
}

expect_exit 0 "$retort" doctor toy.yaml
expect_exit 0 "$retort" teach toy.yaml
expect_exit 0 "$retort" search toy.yaml --db one.db --workers 1
expect_exit 0 "$retort" search toy.yaml --db two.db --workers 1 --trials 5
{
  "$retort" search toy.yaml --db two.db --workers "$two" &
  sleep 0.05
  kill -9 $! || true # it may have finished
  wait $! || true
} 2>/dev/null
expect_exit 0 "$retort" search toy.yaml --db two.db --workers "$two"
rows one.db >one
rows two.db >two
cmp one two
[ "$(sqlite3 one.db "select count(*) from trial where state = 'committed'")" = 12 ]
for kind in embedding hidden attention; do
  [ "$(sqlite3 one.db "select count(distinct trial) from curve where name = 'layer_$kind'")" = 12 ]
done
# Of 20 steps the first 6 have u below .3.
[ "$(sqlite3 one.db "select max(step) from curve where name = 'layer_hidden'")" = 5 ]

expect_exit 0 "$retort" distill one.db 1 --steps 20
expect_line stdout 'on the test file'

sed 's/map: random/attention_loss: kl/' toy.yaml >heads.yaml
expect_exit 1 "$retort" search heads.yaml --db heads.db
expect_one_line stderr
expect_line stderr "'heads.yaml':20:10: space.heads: attention is compared head by head"
[ ! -e heads.db ]
expect_exit 1 "$retort" doctor heads.yaml
