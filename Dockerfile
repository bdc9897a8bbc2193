# The command in a small image, run by an ordinary user:
#
#     docker build -t onnxplain .
#     docker run --rm -v "$PWD:/work" --user "$(id -u):$(id -g)" onnxplain explain model.onnx photos/ -o heatmaps
#
# docs/install.md says more.
FROM rust:1.91-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --package onnxplain --bin onnxplain \
    && target/release/onnxplain --version

# glibc and nothing else: no shell, no package manager. The fonts of figures are in the program.
FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="onnxplain" \
      org.opencontainers.image.description="Heatmaps of any ONNX image classifier by layer-wise relevance propagation" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=build /src/target/release/onnxplain /usr/local/bin/onnxplain
COPY --from=build /src/LICENSE-MIT /src/LICENSE-APACHE /usr/share/doc/onnxplain/
COPY --from=build /src/fonts/LICENSE-* /usr/share/doc/onnxplain/fonts/
WORKDIR /work
USER nonroot
ENTRYPOINT ["/usr/local/bin/onnxplain"]
