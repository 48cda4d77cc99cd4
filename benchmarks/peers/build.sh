#!/bin/sh
# Make a peer's environment:   benchmarks/peers/build.sh NAME [FOLDER]
#
# NAME is dgl, dynet, jax, pytorch_tree_lstm or torchfold; the environment is FOLDER/NAME,
# by default benchmarks/out/environments/NAME. PYTHON names the interpreter: Python 3.8
# for dynet, 3.11 for the others.
set -e
here=$(cd "$(dirname "$0")" && pwd)
name=${1:?usage: build.sh NAME [FOLDER]}
folder=${2:-$here/../out/environments}/$name
[ -d "$here/$name" ] || { echo "there is no peer $name" >&2; exit 1; }

case $name in dynet) wanted=3.8 ;; *) wanted=3.11 ;; esac
python=${PYTHON:-python$wanted}
found=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])') ||
    { echo "no $python: set PYTHON to an interpreter of $wanted" >&2; exit 1; }
[ "$found" = "$wanted" ] || { echo "$name needs Python $wanted, not $found" >&2; exit 1; }

"$python" -m venv "$folder"
if [ -f "$here/$name/setup.sh" ]; then
    sh "$here/$name/setup.sh" "$folder"
else
    "$folder/bin/pip" install -r "$here/$name/requirements.txt"
fi
echo "made $folder; next: python benchmarks/treelstm_sst.py --peers $name"
