# Where OpenBLAS multiplies, the core that it takes the processor for decides last bits.
. "$project/tests/cli/toy.bash"
toy_data
toy_study | sed 's/trials: 12/trials: 3/' >toy.yaml
export RETORT_KERNELS=plain
OPENBLAS_CORETYPE=Prescott expect_exit 0 "$retort" search toy.yaml
[ "$(sqlite3 toy.db "select settings ->> 'core' from study")" = Prescott ]
OPENBLAS_CORETYPE=Nehalem expect_exit 1 "$retort" search toy.yaml --trials 4
expect_one_line stderr
expect_line stderr "OpenBLAS multiplied for a 'Prescott' when this study began and would for a 'Nehalem'"
expect_line stderr 'set OPENBLAS_CORETYPE=Prescott'
OPENBLAS_CORETYPE=Prescott expect_exit 0 "$retort" search toy.yaml --trials 4

# begun by an earlier version, which did not keep it
sqlite3 toy.db "update study set settings = json_remove(settings, '\$.core')"
OPENBLAS_CORETYPE=Nehalem expect_exit 0 "$retort" search toy.yaml --trials 5
expect_line stderr 'warning: this study began before it was kept as which processor OpenBLAS multiplies'

# kernels of our own do not care
unset RETORT_KERNELS
sed 's/toy.db/own.db/' toy.yaml >own.yaml
OPENBLAS_CORETYPE=Prescott expect_exit 0 "$retort" search own.yaml
if [ "$(sqlite3 own.db "select settings ->> 'kernels' from study")" != plain ]; then
  OPENBLAS_CORETYPE=Nehalem expect_exit 0 "$retort" search own.yaml --trials 4
fi
