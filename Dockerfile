FROM python:3.12-slim
WORKDIR /app
COPY requirements.lock pyproject.toml README.md LICENSE ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY sdk sdk
COPY store store
COPY collector collector
COPY analytics analytics
COPY dashboards dashboards
COPY cli cli
RUN pip install --no-cache-dir --no-deps --no-build-isolation .
RUN useradd --create-home whichstep && mkdir /data && chown whichstep /data
USER whichstep
ENV WHICHSTEP_DATA_DIR=/data
VOLUME /data
EXPOSE 4317 4318 8501
CMD ["whichstep", "up"]
