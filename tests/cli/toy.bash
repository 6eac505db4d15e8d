# shellcheck shell=bash
# A toy task for cases that search: 90 + 30 images of 8x8 in three classes, and a study of them.
# Sourced as "$project/tests/cli/toy.bash"; works in the current folder.

# Workers for what has to be the same for any number of them: 2, where there are cores for that.
# shellcheck disable=SC2154,SC2034  # the one is of run_case, the other for the cases
two=$("$retort" doctor | awk '$2 == "cores" {print ($3 > 1 ? 2 : 1)}')

# be32 NUMBER: four bytes, the highest first.
be32() { # shellcheck disable=SC2059  # the format is made of the four bytes
  printf "$(printf '\\x%02x' $(($1 >> 24 & 255)) $(($1 >> 16 & 255)) $(($1 >> 8 & 255)) $(($1 & 255)))"
}

# toy_images COUNT, toy_labels COUNT: IDX files on stdout. Class 0 is bright above, 1 on the left,
# 2 on the diagonal quarters; the pixels' noise is a fixed sequence.
toy_images() {
  printf '\0\0\010\003'
  be32 "$1"
  be32 8
  be32 8
  LC_ALL=C awk -v n="$1" 'BEGIN {
    state = 7
    for (i = 0; i < n; i++) for (y = 0; y < 8; y++) for (x = 0; x < 8; x++) {
      state = (state * 1103 + 12345) % 65536
      on = i % 3 == 0 ? y < 4 : i % 3 == 1 ? x < 4 : (x < 4) == (y < 4)
      v = on * 100 + int(state / 65536 * 120) + 1  # never 0, which some awks cannot print
      printf "%c", v < 128 ? v : 127
    }
  }'
}
toy_labels() {
  printf '\0\0\010\001'
  be32 "$1"
  local i
  for ((i = 0; i < $1; i++)); do printf '%b' "\\x0$((i % 3))"; done
}

# toy_npy ROWS COLUMNS WORD: a .npy matrix of float32 whose every value is the four bytes WORD.
toy_npy() {
  local header
  header=$(printf "%-117s" "{'descr': '<f4', 'fortran_order': False, 'shape': ($1, $2), }")
  printf '\x93NUMPY\x01\x00\x76\x00%s\n' "$header"
  local i
  for ((i = 0; i < $1 * $2; i++)); do printf '%b' "$3"; done
}

# toy_data: train-images, train-labels, test-images, test-labels.
toy_data() {
  toy_images 90 >train-images
  toy_labels 90 >train-labels
  toy_images 30 >test-images
  toy_labels 30 >test-labels
}

# toy_study: a study of them on stdout; `macs` in place of `latency`, so that it can be reproduced.
toy_study() {
  cat <<'END'
name: toy
seed: 3
store: toy.db
data:
  train_images: train-images
  train_labels: train-labels
  test_images: test-images
  test_labels: test-labels
  validation: 30
teachers:
  cache: teachers
  members:
    - name: one
      train: {arch: L1-d16-k8-h2-f16-p4, epochs: 2, batch: 12, learning_rate: 0.003, seed: 1}
space:
  tie: uniform
  depth: [1, 2]
  width: [8, 16, 24]
  head_dim: [8]
  heads: [1, 2]
  ffn: [8, 16, 32]
  patch: [4]
distill:
  steps: 20
  batch: 12
search:
  trials: 12
  workers: 1
  window: 4
  initial: 6
  objectives: [error, params, macs]
latency: {samples: 3, warmup: 0}
END
}
