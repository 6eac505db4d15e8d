# Two searches of one toy study on one scale, with a pause in one of them.
. "$project/tests/cli/toy.bash"
toy_data
toy_study >toy.yaml
began=$(date +%s)
expect_exit 0 "$retort" search toy.yaml --db a.db --trials 6
expect_exit 0 "$retort" search toy.yaml --db b.db --trials 12
sleep 4
expect_exit 0 "$retort" search toy.yaml --db a.db --trials 12
whole=$(($(date +%s) + 1 - began)) # seconds, the pause among them

expect_exit 0 "$retort" compare a.db b.db
expect_line stdout 'hypervolume of error, macs and params (costs by their logarithm),'
[ "$(grep -c '^[ab].db  *12 ' stdout)" = 2 ]
[ "$(awk 'length > 80' stdout | wc -l)" = 0 ]
expect_exit 0 "$retort" compare a.db b.db --format csv
[ "$(wc -l <stdout)" = 25 ]
# one study, the same trials: the same volumes; and the pause is not in the time
cut -d, -f2,4 stdout | awk -F, 'NR > 1 { n[$0]++ } END { for (k in n) if (n[k] != 2) exit 1 }'
[ "$(awk -F, -v most=$((whole - 3)) '$1 == "\"a.db\"" && $3 > most' stdout | wc -l)" = 0 ]
expect_exit 0 "$retort" compare a.db b.db --format json
expect_exit 0 "$retort" compare a.db b.db -o pages/both.html
expect_line stdout pages/both.html
expect_line pages/both.html '</html>'

sed 's/objectives: .*/objectives: [error, params]/' toy.yaml >other.yaml
expect_exit 0 "$retort" search other.yaml --db c.db --trials 4
expect_exit 1 "$retort" compare a.db c.db
expect_one_line stderr
expect_line stderr "'a.db' minimises error, macs and params, 'c.db' error and params"
expect_exit 1 "$retort" compare a.db missing.db
expect_one_line stderr
expect_line stderr missing.db
