# shellcheck shell=bash
# For the scripts beside this file, which source it: versions of tools, downloads, and
# how a script says that it was skipped. Changes to the root of the repository.
#
# Only a tool that cannot be installed may be a reason to skip, or that there is no
# older version to compare with. What is built and tested passes or fails.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

export RUST_BACKTRACE=1
export CARGO_TERM_PROGRESS_WHEN=never
[ -t 1 ] || export CARGO_TERM_COLOR=never
# What is built here is run once: what a debugger needs, and what the next build would
# reuse, are a fifth of the time. A panic says its line all the same.
export CARGO_PROFILE_DEV_DEBUG=0 CARGO_INCREMENTAL=0

# Ends a script that cannot do its work. `.ci/run` reads the file.
skip() {
    printf 'SKIPPED: %s\n' "$*" >&2
    [ -z "${SKIP_REASON_FILE:-}" ] || printf '%s\n' "$*" >"$SKIP_REASON_FILE"
    exit 77
}

# Tries a command that downloads up to three times.
retry() {
    local attempt
    for attempt in 1 2 3; do
        if "$@"; then
            return 0
        fi
        printf 'attempt %s of 3 failed: %s\n' "$attempt" "$*" >&2
        [ "$attempt" -eq 3 ] || sleep $((attempt * 10))
    done
    printf 'DOWNLOAD FAILED, three times: %s\n' "$*" >&2
    return 1
}

# Calls a function with each of the other arguments, which is split into words: two at a
# time, for work that takes one processor. Prints what each call has said when it has
# ended, in their order. Fails if one has failed, and then starts no other.
two_at_a_time() {
    local function="$1" logs index pids=() failed=0
    shift
    logs=$(mktemp -d)
    for ((index = 1; index <= $#; index++)); do
        [ "$index" -le 2 ] || wait "${pids[index - 2]}" || break
        # shellcheck disable=SC2086 # words
        "$function" ${!index} >"$logs/$index" 2>&1 &
        pids[index]=$!
    done
    for index in "${!pids[@]}"; do
        wait "${pids[index]}" || failed=1
        printf -- '--- %s %s\n' "$function" "${!index}"
        cat "$logs/$index"
    done
    rm -r "$logs"
    return "$failed"
}

# Prints the arguments for cargo to run all tests in files of the library but these.
tests_but() {
    local file
    for file in tests/*.rs; do
        file=$(basename "$file" .rs)
        [[ " $* " = *" $file "* ]] || printf -- '--test\n%s\n' "$file"
    done
}

# ---- Tools, all in the version that everything was last run with
#
# So that a new version fails nobody's change. To take a new one, change it here. If
# one cannot be had, another that is there has to do, and this is said.

# What rustup calls it, and what it says about itself. cargo-public-api reads what
# rustdoc writes on nightly: they change together.
readonly NIGHTLY="nightly-2026-05-20"
readonly NIGHTLY_VERSION="rustc 1.97.0-nightly (e50aa6fba 2026-05-19)"
readonly CARGO_PUBLIC_API_VERSION=0.52.0
readonly CARGO_FUZZ_VERSION=0.13.2

# Where tools are installed if not in that version already.
readonly TOOLS="$PWD/target/tools"
export PATH="$TOOLS/bin:$PATH"

# The toolchain of `cargo "+$nightly"`.
nightly=""

# Fails if there is none at all.
use_nightly() {
    for nightly in "$NIGHTLY" nightly; do
        if [ "$(RUSTUP_AUTO_INSTALL=0 rustc "+$nightly" --version 2>/dev/null)" = "$NIGHTLY_VERSION" ]; then
            printf 'nightly: %s\n' "$NIGHTLY_VERSION"
            return
        fi
    done
    nightly="$NIGHTLY"
    ! retry rustup toolchain install "$NIGHTLY" --profile minimal || return 0
    nightly=nightly
    printf 'WARNING: %s cannot be installed. Instead:\n' "$NIGHTLY" >&2
    rustc +nightly --version >&2
}

# Installs `cargo $1`. Fails if it is not there in any version.
use_cargo_tool() {
    [ "$(cargo "$1" --version 2>/dev/null)" != "cargo-$1 $2" ] || return 0
    ! retry cargo install "cargo-$1" --version "$2" --locked --debug --root "$TOOLS" || return 0
    printf 'WARNING: cargo-%s %s cannot be installed. Instead:\n' "$1" "$2" >&2
    cargo "$1" --version >&2
}

# ---- Packages of examples

# They are built together, because what they depend on is otherwise built for each, with
# the features that only it asks for. That each asks for all that it needs is what clippy
# shows, one package at a time.
# shellcheck disable=SC2034 # for those that source this
readonly EXAMPLES=(-p sse-wire-recipes -p sse-wire-contract -p sse-wire-serve -p examples)

# ---- Debian packages

# The arguments have the syntax of Debian's `Depends`.
install_packages() {
    update_package_index
    retry env DEBIAN_FRONTEND=noninteractive apt-get satisfy -y --no-install-recommends "$@" ||
        skip "cannot install: $*"
}

package_index_is_new=""

update_package_index() {
    [ -z "$package_index_is_new" ] || return 0
    command -v apt-get >/dev/null || skip "needs Debian's apt-get"
    [ "$EUID" -eq 0 ] || skip "needs root, to install Debian packages"
    retry apt_get_of_all update || skip "cannot update the index of Debian packages"
    package_index_is_new=yes
}

# apt-get that also sees the packages of other architectures, for this call only.
apt_get_of_all() {
    apt-get -o APT::Architectures::=arm64 -o APT::Architectures::=s390x -o APT::Sandbox::User=root "$@"
}

# ---- The minimum version of Rust, as Debian built it
#
# That comes with a standard library for other targets, and with its source. It is
# unpacked here and not installed, because the system may have another version.

RUST_VERSION=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
readonly RUST_VERSION
readonly DEBIAN_RUST="$PWD/target/debian-rust-$RUST_VERSION"

# Makes `cargo` and `rustc` mean that version.
use_debian_rust() {
    add_to_debian_rust compiler rustc@ "libstd-rust@-$RUST_VERSION" libstd-rust@-dev cargo@
    export PATH="$DEBIAN_RUST/usr/bin:$PATH"
    LD_LIBRARY_PATH=$(dirname "$DEBIAN_RUST"/usr/lib/*/librustc_driver-*.so)
    export LD_LIBRARY_PATH
    # Of its own, so that the usual compiler does not build everything again.
    export CARGO_TARGET_DIR="$PWD/target/rust-$RUST_VERSION"
    if ! { cargo --version && rustc --version; }; then
        # Install what they depend on, except for the packages just unpacked.
        install_packages "$(tr , '\n' <"$DEBIAN_RUST/depends" | grep -v rust | paste -sd ,)"
        cargo --version
        rustc --version
    fi
}

# Adds a named part: packages, in whose names `@` is what differs between releases
# of Debian.
add_to_debian_rust() {
    local done="$DEBIAN_RUST/$1.unpacked" downloads="$DEBIAN_RUST/downloads" file
    shift
    [ ! -e "$done" ] || return 0
    find_debian_rust
    rm -rf "$downloads"
    mkdir -p "$downloads"
    set -- "${@//@/$debian_rust_infix}"
    (cd "$downloads" && retry apt_get_of_all download "${@/%/=$debian_rust_version}") ||
        skip "cannot download: $*"
    for file in "$downloads"/*.deb; do
        dpkg-deb --extract "$file" "$DEBIAN_RUST"
        dpkg-deb --field "$file" Depends >>"$DEBIAN_RUST/depends"
    done
    rm -r "$downloads"
    touch "$done"
}

debian_rust_infix=""
debian_rust_version=""

# Debian 12 has it as `rustc-web`, beside an older `rustc`; Debian 13 as `rustc`.
find_debian_rust() {
    [ -z "$debian_rust_version" ] || return 0
    update_package_index
    for debian_rust_infix in -web ""; do
        debian_rust_version=$(apt-cache madison "rustc$debian_rust_infix" |
            awk -v start="$RUST_VERSION." 'index($3, start) == 1 { print $3; exit }')
        [ -z "$debian_rust_version" ] || return 0
    done
    skip "the index of Debian packages has no Rust $RUST_VERSION"
}
