# Packages of others that ring hosting reads (.cache/packages): the node tests of ONNX, and models.

packages() { once .cache/packages requirements/packages.txt -- download_packages; }

# For one platform, whatever the host is: nothing of them is installed.
download_packages() {
  rm -rf .cache/packages
  "$PYTHON" -m pip download --quiet --require-hashes --no-deps --only-binary=:all: --python-version 3.12 \
    --platform manylinux_2_28_x86_64 --platform manylinux2014_x86_64 --platform any \
    --requirement requirements/packages.txt --dest .cache/packages
}
