FROM python:3.11-slim AS build
WORKDIR /src
COPY pyproject.toml constraints.txt hatch_build.py README.md ./
COPY panel panel
COPY gqlreports gqlreports
RUN python -m venv /opt/gqlreports \
    && /opt/gqlreports/bin/pip install --no-cache-dir --constraint constraints.txt '.[all]' \
    && /opt/gqlreports/bin/pip uninstall --yes pip setuptools

# Nothing is written but to /data and /tmp: the root file system may be read-only.
FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /data gqlreports \
    && install --directory --owner gqlreports --group gqlreports /data
COPY --from=build /opt/gqlreports /opt/gqlreports
ENV PATH=/opt/gqlreports/bin:$PATH GQLREPORTS_HOME=/data PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
ENTRYPOINT ["gqlreports"]
CMD ["serve", "--host", "0.0.0.0"]
