# Students cut out of a teacher: the same rows for any number of workers, and a start that is told.
. "$project/tests/cli/toy.bash"
toy_data
toy_study | sed 's/^distill:/prune: {importance: gradient, calibration: 20}\n&\n  init: prune/' >toy.yaml

rows() { # DB: all that depends on the study alone, measured latency aside
  sqlite3 -readonly "$1" "select * from trial; select * from metric where name <> 'latency';
    select * from curve"
}

expect_exit 0 "$retort" teach toy.yaml
expect_exit 0 "$retort" search toy.yaml --db one.db --workers 1
expect_exit 0 "$retort" search toy.yaml --db two.db --workers "$two"
rows one.db >one
rows two.db >two
cmp one two

# All of L1-d16-k8-h2-f16-p4 is in the teacher; what is larger starts at random in part.
inherited() { # SQL on architectures
  sqlite3 one.db "select count(*) from metric m join trial t on t.number = m.trial
    join candidate c on c.id = t.candidate where m.name = 'inherited' and $1"
}
[ "$(inherited 1)" = 12 ]
[ "$(inherited "m.value = 1 and c.arch like 'L1-d8%'")" -gt 0 ]
[ "$(inherited "m.value between 0.2 and 0.9 and c.arch like '%d24%'")" -gt 0 ]
[ "$(inherited "m.value = 1 and (c.arch like '%d24%' or c.arch like 'L2%')")" = 0 ]

expect_exit 0 "$retort" distill one.db 1 --steps 5
grep -E "^start +[0-9.]+ % of the weights cut out of teacher 'one'$" stdout
