# Two images from one source: what runs the operator, and what runs beside models. Neither holds a compiler or what only
# the other needs (docs/adr/0002). Build one:  docker build --target operator .
# A release adds the base's digest:  --build-arg BASE_IMAGE=python:3.11.14-slim-bookworm@sha256:...
ARG BASE_IMAGE=python:3.11.14-slim-bookworm

# The wheel, made by a locked build tool without the network.
FROM ${BASE_IMAGE} AS wheel
WORKDIR /source
COPY requirements/build.txt requirements/
RUN python -m venv /build \
 && /build/bin/python -m pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY operator operator
COPY runtime runtime
RUN /build/bin/python -m pip wheel --no-index --no-deps --no-build-isolation --wheel-dir /wheel .

# Each environment is made without pip in it; the base's pip fills it from outside.
FROM ${BASE_IMAGE} AS operator-environment
COPY requirements/operator.txt /requirements.txt
RUN python -m venv --without-pip /opt/trimtab \
 && python -m pip --python /opt/trimtab/bin/python install --no-cache-dir --require-hashes --only-binary :all: \
      -r /requirements.txt
COPY --from=wheel /wheel /wheel
RUN python -m pip --python /opt/trimtab/bin/python install --no-cache-dir --no-index --no-deps /wheel/*.whl

FROM ${BASE_IMAGE} AS runtime-environment
COPY requirements/runtime.txt /requirements.txt
RUN python -m venv --without-pip /opt/trimtab \
 && python -m pip --python /opt/trimtab/bin/python install --no-cache-dir --require-hashes --only-binary :all: \
      -r /requirements.txt
COPY --from=wheel /wheel /wheel
RUN python -m pip --python /opt/trimtab/bin/python install --no-cache-dir --no-index --no-deps /wheel/*.whl

# Nothing below writes to the image: bytecode was compiled above, and /tmp is a volume in the manifests.
FROM ${BASE_IMAGE} AS runtime
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="trimtab-runtime" \
      org.opencontainers.image.description="What Trimtab runs beside a model: fetching its files, measuring it" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=runtime-environment /opt/trimtab /opt/trimtab
ENV PATH=/opt/trimtab/bin:/usr/local/bin:/usr/bin:/bin HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 1000:1000
ENTRYPOINT ["python", "-m"]

FROM ${BASE_IMAGE} AS operator
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="trimtab-operator" \
      org.opencontainers.image.description="Keeps each model inside its latency objective for the least money" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=operator-environment /opt/trimtab /opt/trimtab
ENV PATH=/opt/trimtab/bin:/usr/local/bin:/usr/bin:/bin HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
EXPOSE 8080 9090
ENTRYPOINT ["trimtab"]
CMD ["run"]
