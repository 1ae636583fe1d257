# Daybook's image: one virtual environment on a slim Python, run by a user without rights, nothing to build with inside.

FROM python:3.13-slim AS build
WORKDIR /src
RUN python3 -m venv --without-pip /opt/daybook
# Dependencies first: they change less often than the code, and stay cached.
COPY deploy/requirements.lock deploy/build-requirements.lock deploy/
RUN python3 -m pip --python /opt/daybook/bin/python install --no-cache-dir --disable-pip-version-check --no-deps --require-hashes \
      -r deploy/requirements.lock \
 && python3 -m pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore --require-hashes \
      -r deploy/build-requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY domain domain
COPY application application
COPY projections projections
COPY infrastructure infrastructure
COPY interfaces interfaces
COPY bootstrap bootstrap
RUN python3 -m pip wheel --disable-pip-version-check --no-build-isolation --no-deps --wheel-dir /tmp/wheel . \
 && python3 -m pip --python /opt/daybook/bin/python install --no-cache-dir --disable-pip-version-check --no-deps /tmp/wheel/*.whl

FROM python:3.13-slim
LABEL org.opencontainers.image.title="Daybook" \
      org.opencontainers.image.description="A private AI assistant that keeps the book" \
      org.opencontainers.image.licenses="MIT"
# The directories are made here with their owner, so that new volumes mounted there belong to it.
RUN for place in /var/lib/daybook /run/daybook/keys /run/daybook/database /run/daybook/application /var/lib/daybook-releases /backups; do \
      mkdir -p "$place" && chown 10001:10001 "$place" && chmod 755 "$place"; done
COPY --from=build /opt/daybook /opt/daybook
ENV PATH=/opt/daybook/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/var/lib/daybook \
    DAYBOOK_HOME=/var/lib/daybook
USER 10001:10001
WORKDIR /var/lib/daybook
EXPOSE 8484
STOPSIGNAL SIGTERM
ARG VERSION=local
LABEL org.opencontainers.image.version=$VERSION
# It is healthy as soon as it is ready. Until then an upgrade may build read models, minutes in a book of a million events.
HEALTHCHECK --interval=5s --timeout=5s --start-period=15m --retries=5 CMD ["python", "-m", "bootstrap.probe"]
ENTRYPOINT ["daybook"]
CMD ["serve"]
