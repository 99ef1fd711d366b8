FROM python:3.12-slim
WORKDIR /srv/warden
# A Chinese font, for the picture of the weekly bulletin.
RUN apt-get update && apt-get install -y --no-install-recommends fonts-wqy-microhei && rm -rf /var/lib/apt/lists/*
RUN useradd --system --create-home warden
COPY requirements.lock ./
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY warden_bot ./warden_bot
COPY content ./content
RUN pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation --no-index --editable . \
    && mkdir -p var/spool && chown -R warden var \
    && warden-bot content learn \
    && python -c "from warden_bot.content.drawing import find_font; assert find_font(), 'no Chinese font'"
USER warden
ENV WARDEN_HOST=0.0.0.0
EXPOSE 8080
HEALTHCHECK CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz')"]
CMD ["warden-bot", "serve"]
