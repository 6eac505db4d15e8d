# Machines that differ: other kernels, what is missing there, and what is empty here.
. "$project/tests/cli/toy.bash"
. "$project/tests/cli/far.bash"
toy_data
toy_study >toy.yaml
expect_exit 0 "$retort" search toy.yaml --db one.db
kernels=$(sqlite3 one.db 'select kernels from program')

# ---- another kernel set is refused by name, or taken and told of ----
if [ "$kernels" != plain ]; then
  listen toy.yaml strict.db --workers 0
  expect_exit 1 env RETORT_KERNELS=plain "$retort" worker --connect "$address" --cache cache-a
  expect_one_line stderr
  expect_line stderr "would use the kernels 'plain' and the study began with '$kernels': set RETORT_KERNELS=$kernels there"
  kill "$search"
  wait "$search" || true
  [ "$(sqlite3 strict.db "select count(*) from trial where state = 'committed'")" = 0 ]
  [ "$(sqlite3 strict.db "select count(*) > 0 from event where kind = 'refused' and text like '%''plain''%'")" = 1 ]

  listen toy.yaml mixed.db --workers 0 --mixed
  RETORT_KERNELS=plain work a
  other=$!
  wait "$search"
  wait "$other"
  [ "$(sqlite3 mixed.db "select count(distinct trial) from execution e join program p on p.id = e.program
    where e.outcome = 'done' and p.kernels = 'plain'")" = 12 ]
  [ "$(sqlite3 mixed.db "select sum(mixed), sum(trials) from remote")" = '1|12' ]
  [ "$(sqlite3 mixed.db "select count(*) from event where kind = 'mixed'")" -gt 0 ]
  expect_exit 0 "$retort" check mixed.db
  expect_exit 0 "$retort" status mixed.db
  tr -s '\n ' '  ' <stdout | grep -q ' given back; 12 mixed' # which may begin a line of its own
  # what it trained is what these kernels train
  sed "s/initial: 6/initial: 12/" toy.yaml >drawn.yaml
  RETORT_KERNELS=plain expect_exit 0 "$retort" search drawn.yaml --db plain.db
  listen drawn.yaml drawn.db --workers 0 --mixed
  RETORT_KERNELS=plain work b
  other=$!
  wait "$search"
  wait "$other"
  "$project/tests/compare_rows" plain.db drawn.db
else
  skip 'workers of another kernel set (this processor has one)'
fi
expect_exit 2 "$retort" worker --connect tcp://127.0.0.1:1 --mixed
expect_line stderr '--mixed is for a DB'

# ---- a class without images is a class there, too ----
if command -v pngtopnm >/dev/null || command -v python3 >/dev/null; then
  python3 - <<'PY'
import os, struct, zlib
def chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
def png(path, at):
    rows = b''.join(b'\0' + bytes(at(x, y) for x in range(8)) for y in range(8))
    with open(path, 'wb') as f:
        f.write(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 8, 8, 8, 0, 0, 0, 0)) +
                chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))
for name, lit in (('above', lambda x, y: y < 4), ('left', lambda x, y: x < 4), ('none', None)):
    os.makedirs('pictures/' + name)
    for i in range(30 if lit else 0):
        png(f'pictures/{name}/{i:02}.png', lambda x, y: 100 * lit(x, y) + (7 * i + 3 * x + 5 * y) % 50)
PY
  sed '/test_/d; /train_labels/d; s|train_images: train-images|format: folder\n  train_images: pictures|; s/cache: teachers/cache: seers/' \
    toy.yaml >pictures.yaml
  expect_exit 0 "$retort" search pictures.yaml --db near.db --trials 4
  listen pictures.yaml far.db --workers 0 --trials 4
  work c --copy
  other=$!
  wait "$search"
  wait "$other"
  "$project/tests/compare_rows" near.db far.db
  [ -d "$(echo cache-c/*/root"$PWD"/pictures/none)" ]
else
  skip python3
fi
