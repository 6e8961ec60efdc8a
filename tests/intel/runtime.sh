# shellcheck shell=bash
# To be sourced: makes Intel's OpenCL runtime for CPUs visible next to the installed drivers. Fetches its Python packages into
# the user's cache folder the first time (its licence lets nobody ship it, so nothing of it is kept here).
intel_runtime=${XDG_CACHE_HOME:-$HOME/.cache}/sepcl/intel-opencl
if [ ! -e "$intel_runtime/ready" ]; then
  python3 -m venv "$intel_runtime" &&
    "$intel_runtime/bin/pip" install --quiet intel-opencl-rt==2026.2.0 intel-cmplr-lib-rt==2026.2.0 tbb==2023.2.0 || exit
  touch "$intel_runtime/ready"
fi
intel_library=$(find "$intel_runtime" -name 'libintelocl.so' | head -n 1)
[ -n "$intel_library" ] || {
  echo "the packages hold no libintelocl.so" >&2
  exit 1
}

# on_intel COMMAND...: the command sees Intel's device and no other.
on_intel() {
  mkdir -p "$intel_runtime/vendors"
  echo "$intel_library" >"$intel_runtime/vendors/intel.icd"
  OCL_ICD_VENDORS=$intel_runtime/vendors \
    LD_LIBRARY_PATH=$intel_runtime/lib:$(dirname "$intel_library")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} "$@"
}
