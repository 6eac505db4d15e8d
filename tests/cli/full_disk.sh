# A disk that fills up costs time, not results: distill keeps the weights until there is room, a
# search waits. Needs root, for a small file system.
. "$project/tests/cli/toy.bash"
mkdir disk
mount -t tmpfs -o size=12m tmpfs disk 2>/dev/null || { skip "a full disk (no small file system can be mounted)"; exit 0; }
# shellcheck disable=SC2064
trap "kill -9 \$running 2>/dev/null || true; umount -l '$PWD/disk'; rm -rf '$PWD'" EXIT
running=
toy_data
toy_study >toy.yaml
expect_exit 0 "$retort" search toy.yaml

fill() { # the disk, but for 8 kB
  dd if=/dev/zero of=disk/filler bs=1k count=$(($(df --output=avail -k disk | tail -n 1) - 8)) status=none || true # others write, too
}
wait_for() { # TEXT FILE
  for ((i = 0; i < 1200; i++)); do
    grep -qF -- "$1" "$2" 2>/dev/null && return
    sleep 0.05
  done
  echo "full_disk: no '$1' in $2"; cat "$2"; exit 1
}

# ---- distill: refused before it begins, and waited for at its end ----
fill
expect_exit 1 "$retort" distill toy.db 1 -o disk/student.safetensors
expect_line stderr 'and the student'
rm disk/filler
"$retort" distill toy.db 1 --steps 600 -o disk/student.safetensors >stdout 2>stderr &
running=$!
wait_for "student: step" stderr # the question whether there is room is behind it
fill
dd if=/dev/zero of=disk/rest bs=1k count=8 status=none || true
wait_for 'No space left on device' stderr
kill -0 $running
rm disk/filler disk/rest
wait $running
expect_exit 0 "$retort" predict disk/student.safetensors test-images -o logits.npy
[ "$(sqlite3 toy.db 'select weights from distillation order by id desc limit 1')" = disk/student.safetensors ]

# ---- a search waits ----
rm disk/*
cp -r teachers train-* test-* disk/
toy_study | sed 's/trials: 12/trials: 60/' >disk/toy.yaml
"$retort" search disk/toy.yaml --log log >stdout 2>stderr &
running=$!
wait_for ' commit 3 ' log
fill
dd if=/dev/zero of=disk/rest bs=512 count=16 status=none || true
wait_for 'is full; the search goes on when there is room' stderr
rm disk/filler disk/rest
wait $running
[ "$(sqlite3 disk/toy.db "select count(*) from trial where state in ('committed', 'failed')")" = 36 ] # the whole space
expect_exit 0 "$retort" check disk/toy.db
