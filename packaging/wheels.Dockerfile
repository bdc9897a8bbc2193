# Wheels for every Linux with glibc 2.28 or newer (manylinux_2_28: Debian 10, Ubuntu 18.10, RHEL 8, and later), of the
# architecture that it runs on:
#
#     docker build -f packaging/wheels.Dockerfile --output dist .
#     docker build -f packaging/wheels.Dockerfile --platform linux/arm64 --output dist .
FROM quay.io/pypa/manylinux_2_28 AS build
RUN curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal --default-toolchain 1.91
ENV PATH=/root/.cargo/bin:$PATH
RUN /opt/python/cp312-cp312/bin/pip install 'maturin>=1.9,<2'
WORKDIR /src
COPY . .
RUN /opt/python/cp312-cp312/bin/maturin build --release --locked --compatibility manylinux_2_28 \
        --manifest-path python/Cargo.toml --interpreter /opt/python/cp312-cp312/bin/python --out /dist \
    && /opt/python/cp39-cp39/bin/pip install /dist/*.whl && /opt/python/cp39-cp39/bin/onnxplain --version \
    && /opt/python/cp39-cp39/bin/python -c "import onnxplain; print(len(onnxplain.presets()))"

FROM scratch
COPY --from=build /dist /
