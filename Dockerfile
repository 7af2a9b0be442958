# Baton over HTTP. compose.yaml runs it with Redis; alone it keeps everything in one SQLite file under /data:
#
#   docker build -t baton-mcp .
#   docker run --rm --init --read-only --tmpfs /tmp --cap-drop ALL -p 127.0.0.1:7420:7420 -v baton-data:/data \
#     -v "$PWD/secrets/baton_http_key:/run/secrets/baton_http_key:ro" -e BATON_HTTP_KEY_FILE=/run/secrets/baton_http_key baton-mcp
#
# Any other command of Baton runs in it too: docker run … baton-mcp worker.

FROM node:24.21.0-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts ./scripts
COPY workflows ./workflows
COPY src ./src
COPY tools ./tools
COPY resources ./resources
COPY prompts ./prompts
RUN node scripts/build.ts && npm prune --omit=dev --ignore-scripts --no-audit --no-fund && mkdir data

FROM node:24.21.0-bookworm-slim
# Everything that is written lies under /data, and what the user writes (config.yaml) in /etc/baton: the root may be read-only.
ENV NODE_ENV=production HOME=/data XDG_DATA_HOME=/data XDG_STATE_HOME=/data XDG_CONFIG_HOME=/etc \
  BATON_WORKSPACE=/data BATON_HTTP_HOST=0.0.0.0 BATON_HTTP_PORT=7420
WORKDIR /app
COPY LICENSE ./
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
COPY --from=build --chown=1000:1000 /build/data /data
VOLUME /data
# By number, so that an orchestrator can see that it is not root; the base image calls it node.
USER 1000:1000
EXPOSE 7420
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.BATON_HTTP_PORT}/healthz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/src/main.js"]
CMD ["serve"]
