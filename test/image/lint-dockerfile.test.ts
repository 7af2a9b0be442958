import { expect, it } from 'vitest';
import { readStages } from './dockerfile.ts';
import { lintDockerfile } from './lint-dockerfile.ts';

const SOUND = `# a comment
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /build
COPY package.json ./
RUN npm ci --ignore-scripts && \\
  # a comment in between
  node build.ts

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production BATON_HTTP_KEY_FILE=/run/secrets/key
COPY --from=build --chown=1000:1000 /build/dist ./dist
VOLUME /data
USER 1000:1000
EXPOSE 7420
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s CMD ["node", "-e", "1"]
ENTRYPOINT ["node", "dist/src/main.js"]
CMD ["serve"]
`;

it('finds nothing wrong with a sound file', () => {
  expect(lintDockerfile(SOUND)).toEqual([]);
});

it('reads stages, flags, joined lines and exec forms', () => {
  const [build, final] = readStages(SOUND);
  expect(build).toMatchObject({ name: 'build', image: 'node:24.21.0-bookworm-slim' });
  expect(build?.instructions.at(-1)).toMatchObject({
    keyword: 'RUN',
    text: 'npm ci --ignore-scripts && node build.ts',
    line: 5,
  });
  expect(final?.instructions.find(({ keyword }) => keyword === 'COPY')).toMatchObject({
    flags: { from: 'build', chown: '1000:1000' },
    text: '/build/dist ./dist',
  });
  expect(final?.instructions.find(({ keyword }) => keyword === 'HEALTHCHECK')).toMatchObject({
    flags: { interval: '15s' },
    exec: ['node', '-e', '1'],
  });
});

it.each([
  ['a base image that is not pinned', 'FROM node:24.21.0-bookworm-slim\n', 'FROM node:latest\n'],
  ['a base image without a tag', 'FROM node:24.21.0-bookworm-slim\n', 'FROM node\n'],
  ['root', 'USER 1000:1000', 'USER root'],
  ['user 0', 'USER 1000:1000', 'USER 0:0'],
  ['a user by name', 'USER 1000:1000', 'USER node'],
  ['no user', 'USER 1000:1000\n', ''],
  ['no health check', /HEALTHCHECK.*\n/, ''],
  ['no signal', 'STOPSIGNAL SIGTERM\n', ''],
  ['a shell before the program', 'ENTRYPOINT ["node", "dist/src/main.js"]', 'ENTRYPOINT node .'],
  ['a shell before the check', 'CMD ["node", "-e", "1"]', 'CMD node -e 1'],
  ['everything copied', 'COPY package.json ./', 'COPY . .'],
  ['a relative directory', 'WORKDIR /build', 'WORKDIR build'],
  ['a download into a shell', 'npm ci', 'curl https://example.org | sh'],
  ['a secret in the image', 'NODE_ENV=production', 'API_KEY=abc'],
  ['an instruction that is not known', 'COPY package.json ./', 'ADD package.json ./'],
])('refuses %s', (_, found, replaced) => {
  expect(SOUND).toMatch(found);
  expect(lintDockerfile(SOUND.replace(found, replaced))).not.toEqual([]);
});

it('refuses a file that ends in the midst of a line', () => {
  expect(() => readStages('FROM node:24\nRUN npm ci \\')).toThrow(/line 2: the last line goes on/);
});
