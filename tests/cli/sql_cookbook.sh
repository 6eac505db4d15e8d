# Every query of docs/sql.md runs and answers something; every table, view and column is explained.
# The study it asks is the sample of tests/test_store.c, which also checks that the dump is current.
doc=$project/docs/sql.md
sqlite3 -bail study.db <"$project/tests/cli/study.sql"
sqlite3 -bail other.db <"$project/tests/cli/study.sql"

awk '/^```sql$/ { n++; on = 1; next } /^```$/ { on = 0 } on { print > sprintf("query-%02d.sql", n) }' "$doc"
count=0
for query in query-*.sql; do
  expect_exit 0 sqlite3 -readonly -bail -batch study.db ".read $query"
  [ ! -s stderr ] || { echo "$query complains:"; cat "$query" stderr; exit 1; }
  [ -s stdout ] || { echo "$query answers nothing:"; cat "$query"; exit 1; }
  count=$((count + 1))
done
[ "$count" -ge 14 ] || { echo "only $count queries in $doc"; exit 1; }

# Each query has a sentence before it that says why one would ask.
awk '/^```sql$/ && last !~ /[.?*]$/ { print FILENAME ": no sentence before line " NR; bad = 1 }
     { last = $0 } END { exit bad }' "$doc"

expect_exit 0 sqlite3 -readonly study.db "select 0 from pareto where trial in (
  select f.trial from front f except select trial from pareto)"
[ ! -s stdout ] || exit 1

sqlite3 -readonly study.db "select name from sqlite_schema where type in ('table', 'view')
    and name not like 'sqlite%' union select c.name from sqlite_schema s, pragma_table_info(s.name) c
    where s.type = 'table'" >names
while read -r name; do
  grep -qF -- "\`$name\`" "$doc" || { echo "docs/sql.md does not explain '$name'"; exit 1; }
done <names
