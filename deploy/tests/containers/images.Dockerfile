# Stand-ins for images of others, made of Debian's packages: the same program and user, the same
# places and variables, as far as docker-compose.yml relies on them. One target for each.

FROM debian:trixie AS base
ENV DEBIAN_FRONTEND=noninteractive
RUN echo force-unsafe-io > /etc/dpkg/dpkg.cfg.d/unsafe-io

FROM base AS python
RUN apt-get update -qq \
    && apt-get install -qq -y --no-install-recommends python3 python3-venv python-is-python3 > /dev/null \
    && rm -rf /var/lib/apt/lists/*
# Whom the machine trusts, pip trusts.
COPY ca-certificates.crt /etc/ssl/machine.crt
ENV PIP_CERT=/etc/ssl/machine.crt

FROM base AS postgres
RUN useradd --uid 70 --home-dir /var/lib/postgresql postgres \
    && apt-get update -qq \
    && apt-get install -qq -y --no-install-recommends postgresql-common > /dev/null \
    && sed -i 's/^#create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf \
    && apt-get install -qq -y --no-install-recommends postgresql-17 > /dev/null \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -m 1777 -o postgres /var/lib/postgresql/data
COPY --chmod=755 postgres.sh /usr/local/bin/docker-entrypoint.sh
ENV PATH=/usr/lib/postgresql/17/bin:$PATH PGDATA=/var/lib/postgresql/data
VOLUME /var/lib/postgresql/data
ENTRYPOINT ["docker-entrypoint.sh"]
STOPSIGNAL SIGINT
CMD ["postgres"]

FROM base AS valkey
RUN apt-get update -qq \
    && apt-get install -qq -y --no-install-recommends valkey-server > /dev/null \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /data
CMD ["valkey-server", "--protected-mode", "no"]

FROM base AS mailpit
RUN apt-get update -qq \
    && apt-get install -qq -y --no-install-recommends python3-aiosmtpd > /dev/null \
    && rm -rf /var/lib/apt/lists/*
ENTRYPOINT ["python3", "-m", "aiosmtpd", "--nosetuid", "--listen", "0.0.0.0:1025", "--class", "aiosmtpd.handlers.Debugging", "stdout"]

FROM base AS prometheus
RUN apt-get update -qq \
    && apt-get install -qq -y --no-install-recommends prometheus > /dev/null \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -o 65534 -g 65534 /prometheus
USER 65534
VOLUME /prometheus
ENTRYPOINT ["prometheus"]
CMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]

# No package of Debian's has Grafana: this one serves nothing, and only shows that what
# docker-compose.yml mounts is there.
FROM base AS grafana
CMD ["sh", "-ec", "ls /etc/grafana/provisioning/datasources/ims.yml /etc/grafana/provisioning/dashboards/ims.yml /var/lib/grafana/dashboards/dashboard.json; exec sleep infinity"]
