# Every image of the product, built from the root of the repository:
#   docker build --target program --build-arg PROGRAM=auth_service --tag ims-auth-service:dev .
#   docker build --tag ims-gateway:dev .
#   docker build --target operations --build-arg PROGRAM=. --tag ims-operations:dev .
# PROGRAM is a service's folder. The gateway has the web client beside it; `operations` holds every
# program, for backup, restore, verify and the making of secrets.
# The base is pinned by its whole version; raise it for its security fixes.

ARG BASE=python:3.13.9-slim-trixie

FROM ${BASE} AS packages
ARG PROGRAM=gateway
COPY ${PROGRAM}/requirements.txt /
RUN --mount=type=cache,target=/root/.cache/pip python -m venv /venv \
    && /venv/bin/pip install --no-deps --require-hashes -r /requirements.txt \
    && /venv/bin/pip check \
    && /venv/bin/pip uninstall --yes --quiet pip

FROM ${BASE} AS common
RUN groupadd --gid 10001 ims \
    && useradd --uid 10001 --gid ims --no-create-home ims \
    && install -d -o ims -g ims /data /media /spool
ENV PATH=/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 DATA_DIR=/data SPOOL_DIR=/spool \
    LOG_FORMAT=json
COPY --from=packages /venv /venv
WORKDIR /app
COPY shared shared

FROM common AS operations
# pg_dump must be as new as the server.
# hadolint ignore=DL3008  # Building again takes in the distribution's fixes.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-client-17 \
    && rm -rf /var/lib/apt/lists/*
COPY gateway gateway
COPY web web
COPY auth_service auth_service
COPY social_service social_service
COPY chat_service chat_service
COPY deploy deploy
RUN python -m compileall -q .
USER 10001
CMD ["python", "-m", "deploy.verify"]

FROM common AS program
ARG PROGRAM=gateway
ENV PROGRAM=${PROGRAM}
COPY ${PROGRAM} ${PROGRAM}
RUN python -m compileall -q .
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=10s --start-period=60s --start-interval=2s \
    CMD ["python", "-m", "shared.server.healthcheck", "http://127.0.0.1:8000/readyz"]
CMD ["sh", "-c", "exec python -m gunicorn -c python:shared.server.gunicorn_conf -b 0.0.0.0:8000 \"$PROGRAM.app:create_app()\""]

FROM program AS gateway
COPY web web
