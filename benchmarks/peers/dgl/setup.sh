#!/bin/sh
# DGL 2.1.0 asks for setuptools below 69 at run time and torch 2.13 for a newer one on
# paper only, so that pip installs them one after the other but not together.
set -e
"$1/bin/pip" install torch==2.13.0 numpy
"$1/bin/pip" install dgl==2.1.0 pandas pydantic pyyaml
"$1/bin/pip" install "setuptools<69"
