# The smartgate image: everything is built in the first stage; the second holds Python, the packages and no tools.
FROM python:3.11-slim-bookworm AS build
WORKDIR /build
RUN python -m venv /opt/smartgate
COPY requirements.lock .
RUN /opt/smartgate/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock
COPY pyproject.toml LICENSE ./
COPY config config
COPY crm_adapter crm_adapter
COPY gateway gateway
RUN /opt/smartgate/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps . \
 && /opt/smartgate/bin/python -m compileall -q /opt/smartgate/lib

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/smartgate --shell /usr/sbin/nologin smartgate \
 && install -d -o smartgate -g smartgate -m 0750 /var/lib/smartgate
COPY --from=build /opt/smartgate /opt/smartgate
ENV PATH=/opt/smartgate/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SMARTGATE_DATABASE_URL=sqlite:////var/lib/smartgate/smartgate.db \
    SMARTGATE_HTTP_LISTEN=0.0.0.0:8080 \
    SMARTGATE_LOG_FORMAT=json \
    SMARTGATE_SMTP_LISTEN=0.0.0.0:8025
USER smartgate
WORKDIR /var/lib/smartgate
VOLUME /var/lib/smartgate
EXPOSE 8025 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/healthz', timeout=4).read()"]
ENTRYPOINT ["smartgate"]
CMD ["serve"]
