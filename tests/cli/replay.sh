# replay trains a trial again: equal bit for bit, or what differs, with exit code 1.
. "$project/tests/cli/toy.bash"
toy_data
toy_study | sed 's/trials: 12/trials: 4/' >toy.yaml
expect_exit 0 "$retort" search toy.yaml
cp toy.db before.db

expect_exit 0 "$retort" replay toy.db 2
expect_line stdout "$(sqlite3 toy.db 'select arch from candidate c join trial t on t.candidate = c.id where number = 2')"
expect_line stdout 'equal, bit for bit'
grep -qE '^made by .* build [0-9a-f]{32}, kernels ' stdout
[ "$(grep '^made by' stdout | sed 's/made by *//; s/ on .*//')" = "$(grep '^now' stdout | sed 's/now *//')" ]
cmp toy.db before.db # nothing is recorded

# every execution names what made it
[ "$(sqlite3 toy.db "select count(*) from execution x join program p on p.id = x.program
  where length(p.build) = 32 and p.kernels <> '' and p.libc like 'glibc %'")" = 4 ]
[ "$(sqlite3 toy.db 'select count(*) from program')" = 1 ]

# a bit of one metric, and one point of a curve
sqlite3 toy.db "update metric set value = value + 1e-16 where trial = 1 and name = 'kl';
  update curve set value = value * 2 where trial = 1 and name = 'loss' and step = 0"
expect_exit 1 "$retort" replay toy.db 1
expect_one_line stderr
grep -qE 'trial 1 differs: 1 of [0-9]+ metrics and 1 of [0-9]+ points of its curves' stderr
grep -qE '^kl .* before, .* now$' stdout
grep -qE '^loss +step 0: ' stdout
expect_exit 0 "$retort" replay toy.db 0

expect_exit 1 "$retort" replay toy.db 4
expect_line stderr "no trial 4 in 'toy.db'"
expect_exit 2 "$retort" replay toy.db
expect_exit 2 "$retort" replay toy.db x

# children of kept weights are trained again from these, and leave none
sed 's/trials: 4/trials: 8/; s/toy.db/family.db/; s/^search:/search:\n  inherit: parent/' toy.yaml >family.yaml
expect_exit 0 "$retort" search family.yaml
child=$(sqlite3 family.db 'select min(number) from trial where inherits is not null')
stat -c '%n %s %y' family.checkpoints/* >files
expect_exit 0 "$retort" replay family.db "$child"
stat -c '%n %s %y' family.checkpoints/* | cmp - files
