# Kept's server: `docker build -t kept .`, then see docs/integrations/deployment.md.
FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN node esbuild.mjs && npm ci --omit=dev --no-audit --no-fund

FROM node:24-bookworm-slim
# git: what becomes of code is read from histories.
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install --yes --no-install-recommends git ca-certificates \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
COPY --from=build /build/models/base ./models/base
COPY --from=build /build/models/templates ./models/templates
COPY --from=build /build/server/training/torch ./server/training/torch
COPY --from=build /build/server/training/general-places.jsonl ./server/training/general-places.jsonl
# A home that anybody may write: who the container runs as need not be known to it.
ENV NODE_ENV=production KEPT_DATA_DIR=/data HOME=/tmp
RUN install --directory --owner=1000 --group=1000 --mode=0700 /data /data-backups
USER 1000
VOLUME /data /data-backups
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["node", "dist/cli.cjs", "status"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "dist/cli.cjs"]
CMD ["serve", "--log", "stderr"]
