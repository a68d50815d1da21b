FROM python:3.12.12-slim-bookworm

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /srv/quizwell
RUN useradd --system --uid 10001 --home-dir /srv/quizwell quizwell \
    && install -d -o quizwell -g quizwell /data
COPY requirements.txt ./
RUN pip install --no-cache-dir --require-hashes --no-deps -r requirements.txt
COPY pyproject.toml README.md ./
COPY app app
COPY migrations migrations
COPY seed seed
COPY docs/errors.md docs/errors.md
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable .
USER quizwell
ENV QUIZWELL_HOST=0.0.0.0 QUIZWELL_DATA_DIR=/data
EXPOSE 8000
VOLUME /data
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s CMD ["quizwell", "health"]
CMD ["quizwell", "serve"]
