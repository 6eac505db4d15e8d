# shellcheck shell=bash
# Exported C where students go: by another compiler, on another processor.
# Sourced as "$project/tests/cli/elsewhere.bash".

# has WHERE PROGRAM...: else says that nothing is run there, for lack of which.
has() {
  local where=$1 program
  shift
  for program; do
    command -v "$program" >/dev/null || { skip "exported C $where (no $program)"; return 1; }
  done
}

# run_elsewhere FILE.c...: a C99 program that ends with 0, built without a warning.
run_elsewhere() {
  local strict=(-std=c99 -O2 -Wall -Wextra -Wconversion -pedantic -Werror)
  local m4=(-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16)
  if has 'as clang has it' clang; then
    clang "${strict[@]}" "$@" -lm -o elsewhere
    ./elsewhere
  fi
  if has 'on aarch64' aarch64-linux-gnu-gcc qemu-aarch64; then
    aarch64-linux-gnu-gcc "${strict[@]}" -static "$@" -lm -o elsewhere
    timeout 60 qemu-aarch64 elsewhere
  fi
  # shellcheck disable=SC2154  # project: of run_case
  if has 'on a Cortex-M4' arm-none-eabi-gcc qemu-system-arm && arm-none-eabi-gcc "${m4[@]}" \
    --specs=rdimon.specs -E - </dev/null >/dev/null 2>&1; then
    arm-none-eabi-gcc "${m4[@]}" "${strict[@]}" --specs=rdimon.specs -nostartfiles \
      -T "$project/tests/embedded/cortex_m4.ld" "$(arm-none-eabi-gcc "${m4[@]}" -print-file-name=rdimon-crt0.o)" \
      "$project/tests/embedded/cortex_m4.c" "$@" -lm -o elsewhere
    timeout 60 qemu-system-arm -M mps2-an386 -nographic -semihosting -kernel elsewhere </dev/null
  fi
}
