# shellcheck shell=bash disable=SC2317
# What ./classify, ./test and the scripts share. To be sourced by bash, from the top folder.
set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/sepcl # the trained network, pictures and Python packages; safe to delete
logs=build/log
mkdir -p "$cache" "$logs"

fail() {
  echo "${0##*/}: $*" >&2
  exit 1
}

# step TEXT COMMAND...: runs a command out of sight, shows TEXT and the seconds, and the log's end if it fails.
step() {
  local text=$1 log start=$SECONDS code=0
  log=$logs/$(tr -cs 'a-zA-Z0-9\n' - <<<"$text").log
  shift
  if [ -t 1 ]; then
    "$@" >"$log" 2>&1 </dev/null &
    follow "$text" "$log" "$start" $!
    wait $! || code=$?
    printf '\r\033[K'
  else
    echo "       $text"
    "$@" >"$log" 2>&1 </dev/null || code=$?
  fi
  if [ "$code" != 0 ]; then
    tail -n 40 "$log" >&2
    fail "$text failed; all of it is in $log"
  fi
  if [ -t 1 ] || [ $((SECONDS - start)) -gt 1 ]; then printf '%4d s %s\n' $((SECONDS - start)) "$text"; fi
}

# Shows the seconds and the last line of the log while process $4 runs.
follow() {
  while kill -0 "$4" 2>/dev/null; do
    local line
    line=$(tail -c 300 "$2" | tr '\r' '\n' | tr -cd '[:print:]\n' | tail -n 1)
    printf '\r\033[K%4d s %s  %.*s' $((SECONDS - $3)) "$1" $((${COLUMNS:-80} - ${#1} - 12)) "$line"
    sleep 0.2
  done
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Installs those of the Debian packages that are not there. On another system: says what is needed and goes on.
install_missing() {
  command -v dpkg-query apt-get >/dev/null || {
    echo "       not Debian: what its packages ${*} hold must be there"
    return
  }
  local missing
  missing=$(comm -13 <(dpkg-query -W -f '${binary:Package} ${db:Status-Status}\n' | sed -n 's/\(:[^ ]*\)\? installed$//p' | sort -u) \
    <(printf '%s\n' "$@" | sort -u) | tr '\n' ' ')
  [ -n "${missing// /}" ] || return 0
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || fail "please have these Debian packages installed: $missing"
    sudo -n true 2>/dev/null || sudo -v || fail "please have these Debian packages installed: $missing"
  fi
  step "refreshing Debian's package lists" as_root apt-get update
  # shellcheck disable=SC2086
  echo "       from Debian: ${missing% }"
  step "installing $(wc -w <<<"$missing") Debian packages" as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends $missing
}

# What the library, the command and the fetching of weights need. A machine with an OpenCL driver keeps its own.
install_for_use() {
  local driver=
  compgen -G '/etc/OpenCL/vendors/*.icd' >/dev/null || driver=pocl-opencl-icd
  # shellcheck disable=SC2086
  install_missing gcc libc6-dev cmake ninja-build pkg-config opencl-headers ocl-icd-opencl-dev $driver \
    protobuf-c-compiler libprotobuf-c-dev libonnx-dev libsqlite3-dev libcjson-dev libjpeg-dev libpopt-dev libstb-dev libzip-dev \
    python3 python3-venv ca-certificates
}

# python_packages FILE: a Python of our own under the cache folder, with the packages that the requirements file pins.
python_packages() {
  local stamp=$cache/python/${1//\//-}
  [ -x "$cache/python/bin/python" ] && cmp -s "$1" "$stamp" && return
  make_python() {
    local python=python3
    python3 -c 'import ensurepip, venv' 2>/dev/null || python=/usr/bin/python3
    { "$cache/python/bin/python" -c '' 2>/dev/null || "$python" -m venv --clear "$cache/python"; } &&
      "$cache/python/bin/python" -m pip --disable-pip-version-check install -r "$1"
  }
  exec 9>"$cache/lock" # two clones may be at it
  flock 9
  step "installing Python packages ($1)" make_python "$1"
  cp "$1" "$stamp"
  exec 9>&-
}

fetch_network() {
  python_packages scripts/requirements.txt
  step "fetching the trained MobileNet v2 and two pictures" "$cache/python/bin/python" scripts/fetch-mobilenet-v2 "$cache"
}

# build PRESET TARGET [OPTION...]
build() {
  local preset=$1 target=$2
  shift 2
  configure_and_build() {
    cmake --preset "$preset" "$@" && cmake --build --preset "$preset" --target "$target" -j "$(nproc)"
  }
  step "building ($preset)" configure_and_build "$@"
}
