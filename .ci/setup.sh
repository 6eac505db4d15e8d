# shellcheck shell=bash
# What quickstart and check share; sourced by them from the project's folder.

# install_missing SECTION...: install what packages.txt lists in these sections and is not there.
# Says so on stderr and returns 1 when it cannot.
install_missing() {
  local package wanted missing=() as_root=()
  if ! command -v dpkg-query >/dev/null; then
    echo "this is no Debian system: install the counterparts of packages.txt yourself" >&2
    return 1
  fi
  mapfile -t wanted < <(awk -v sections=" $* " 'index(sections, " " $1 " ") {print $2}' packages.txt)
  for package in "${wanted[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
      missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "these packages are missing and only root can install them: ${missing[*]}" >&2
      return 1
    fi
    as_root=(sudo)
  fi
  echo "installing as root, by apt-get (packages.txt says what for): ${missing[*]}" >&2
  if ! { "${as_root[@]}" apt-get update -qq &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
      --no-install-recommends "${missing[@]}"; } >&2; then
    echo "apt-get could not install: ${missing[*]}" >&2
    return 1
  fi
}

# find_cmake: print a cmake of at least version 3.25, from PATH or else Debian's own.
find_cmake() {
  local candidate version
  for candidate in cmake /usr/bin/cmake; do
    version=$("$candidate" --version 2>/dev/null | awk 'NR == 1 {print $3}') || continue
    if [ "$(printf '%s\n' 3.25 "$version" | sort -V | head -n 1)" = 3.25 ]; then
      echo "$candidate"
      return 0
    fi
  done
  echo "no cmake of version 3.25 or newer was found" >&2
  return 1
}
