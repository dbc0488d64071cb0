#!/bin/sh
# Runs a command with PyTorch's best settings. OPENBLAS: folder of an OpenMP build of libblas.so.3, by default where Debian's libopenblas0-openmp puts it.
threads=${THREADS:-2}
folder=${OPENBLAS:-/usr/lib/$(uname -m)-linux-gnu/openblas-openmp}
[ -e "$folder/libblas.so.3" ] || echo "tuned.sh: no OpenMP build of OpenBLAS in $folder; PyTorch will be slower than it could" >&2
export OMP_NUM_THREADS="$threads" OPENBLAS_NUM_THREADS="$threads" LD_LIBRARY_PATH="$folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export GLIBC_TUNABLES=glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=34359738368:glibc.malloc.top_pad=67108864
exec "$@"
