# Fetches the archive of a model package, checks it, and puts the package where the server finds it.
# SOURCE (http or oci), SHA256, NAME and MODELS are set, and URL or REFERENCE and FILE; CA, NETRC and DOCKER_CONFIG
# may be.
set -eu

if [ -f "$MODELS/$NAME/config.json" ]; then
    echo "$NAME is there"
    exit 0
fi
work="$MODELS/.fetch"
rm -rf "$work"
mkdir -p "$work/package"
archive="$work/archive"

case "$SOURCE" in
http)
    curl --fail --silent --show-error --location --retry 5 --connect-timeout 10 --max-time 900 \
        ${CA:+--cacert "$CA"} ${NETRC:+--netrc-file "$NETRC"} --output "$archive" "$URL"
    ;;
oci)
    oras pull ${CA:+--ca-file "$CA"} --output "$work/artifact" "$REFERENCE"
    mv "$work/artifact/$FILE" "$archive"
    ;;
esac

if ! echo "$SHA256  $archive" | sha256sum -c - >/dev/null 2>&1; then
    found=$(sha256sum "$archive" | cut -d ' ' -f 1)
    echo "The archive is another than expected: SHA-256 $found instead of $SHA256" >&2
    exit 1
fi
tar -xzf "$archive" -C "$work/package"

# The files of the package may lie in a directory of its name.
package="$work/package"
[ -f "$package/config.json" ] || package="$package/$NAME"
if [ ! -f "$package/config.json" ]; then
    echo "The archive holds no config.json, neither at its top nor in $NAME/" >&2
    exit 1
fi
# In one step, so that a broken-off copy is never taken for the package.
mv "$package" "$MODELS/$NAME"
rm -rf "$work"
