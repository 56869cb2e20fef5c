# The server as an image: docs/container.md says how to build and run it.
#
# Base images are pinned by tag, which their publishers move to builds with security fixes. For a build that stays
# the same to the byte, put the digest behind the tag (rust:…@sha256:…) and renew it yourself.

FROM rust:1.95-slim-bookworm AS builder
WORKDIR /build

# Debian keeps one version of a package, so that naming it would only break builds.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*

# Before the sources, so that a change in them does not fetch libtorch again. Symbols that nobody links against are a
# fifth of libtorch. On aarch64 it wants zlib, which the base image lacks.
ENV XDG_CACHE_HOME=/opt
COPY scripts/libtorch.sh scripts/unpack-libtorch.py scripts/libtorch-*.txt scripts/
RUN scripts/libtorch.sh \
    && mkdir -p /image/lib \
    && cp -a /opt/tagwerk/libtorch-*/lib/*.so* /image/lib/ \
    && strip --strip-unneeded /image/lib/libtorch_cpu.so /image/lib/libc10.so \
    && { [ "$(uname -m)" != aarch64 ] || cp -L /lib/aarch64-linux-gnu/libz.so.1 /image/lib/; } \
    && python3 -c 'import ctypes; ctypes.CDLL("/image/lib/libtorch.so")'

COPY Cargo.toml Cargo.lock build.rs ./
COPY proto proto
COPY src src
# Cargo wants to see every target that the manifest names.
COPY tests tests
COPY benches benches
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked --bin tagwerk \
    && install -D target/release/tagwerk /image/bin/tagwerk

# glibc, libstdc++ and certificate authorities; no shell and no package manager.
FROM gcr.io/distroless/cc-debian12:nonroot

ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="tagwerk" \
      org.opencontainers.image.description="gRPC service that tags news: who is in the text, and who stands where on whom" \
      org.opencontainers.image.licenses="Apache-2.0 AND MIT AND CC-BY-4.0 AND CC-BY-SA-4.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# The program looks for its libraries in ../lib and for packages in ../share/tagwerk/models.
COPY --from=builder /image/lib/ /usr/local/lib/
COPY LICENSE /usr/local/share/tagwerk/LICENSE
COPY models/base /usr/local/share/tagwerk/models/base
COPY --from=builder /image/bin/tagwerk /usr/local/bin/tagwerk

ENV TAGWERK_LISTEN=0.0.0.0:50051 \
    TAGWERK_HTTP_LISTEN=0.0.0.0:9090
EXPOSE 50051 9090
# By number, so that Kubernetes sees that it is not root.
USER 65532:65532
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["/usr/local/bin/tagwerk", "health", "--timeout", "2"]
ENTRYPOINT ["/usr/local/bin/tagwerk"]
CMD ["serve"]
