FROM rust:1-bookworm AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends libpq-dev cmake \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin tanggap

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates libpq5 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --user-group --no-create-home tanggap \
 && install -d -o tanggap -g tanggap -m 750 /data
COPY --from=build /src/target/release/tanggap /usr/local/bin/tanggap
COPY LICENSE-MIT LICENSE-APACHE /usr/share/doc/tanggap/
USER tanggap
# The data folder. The image carries no PostgreSQL server: set DATABASE_URL.
VOLUME /data
ENV TANGGAP_DATA_DIR=/data TANGGAP_LISTEN=0.0.0.0:8080
EXPOSE 8080
ENTRYPOINT ["tanggap"]
CMD ["serve"]
