import { readStages, type Instruction, type Stage } from './dockerfile.ts';

const KNOWN = new Set(
  'WORKDIR COPY RUN ENV USER VOLUME EXPOSE STOPSIGNAL HEALTHCHECK ENTRYPOINT CMD'.split(' '),
);
const SECRET = /^(?!.*_FILE$).*(KEY|PASSWORD|SECRET|TOKEN)/;

/** What is wrong with the file, by the rules that images of this project keep to; none when it is sound. */
export function lintDockerfile(text: string): string[] {
  const stages = readStages(text);
  const last = stages.at(-1);
  if (last === undefined) return ['no stage: FROM is missing'];
  return [...stages.flatMap(lintStage), ...lintFinal(last)];
}

function lintStage({ image, instructions }: Stage): string[] {
  return [
    ...(/(:\d[\w.-]*|@sha256:[0-9a-f]{64})$/.test(image)
      ? []
      : [`${image}: pin the base image by version or digest`]),
    ...instructions.flatMap((instruction) =>
      lintInstruction(instruction).map((fault) => `line ${instruction.line}: ${fault}`),
    ),
  ];
}

function lintInstruction({ keyword, text, exec }: Instruction): string[] {
  switch (keyword) {
    case 'WORKDIR':
      return text.startsWith('/') ? [] : ['WORKDIR is absolute'];
    case 'RUN':
      return /\b(sudo|chmod\s+-?R?\s*777)\b|\b(curl|wget)\b.*\|/.test(text)
        ? ['no sudo, no chmod 777, nothing from the network straight into a shell']
        : [];
    case 'COPY':
      return text.split(/\s+/)[0] === '.' ? ['name what is copied: "." takes keys along'] : [];
    case 'ENV':
      return [...text.matchAll(/(\w+)=/g)]
        .filter(([, name = '']) => SECRET.test(name))
        .map(([, name = '']) => `${name}: a secret does not belong in an image`);
    case 'ENTRYPOINT':
    case 'CMD':
    case 'HEALTHCHECK':
      return exec ? [] : [`${keyword} in exec form: a shell in front would swallow signals`];
    default:
      return KNOWN.has(keyword) ? [] : [`${keyword} is not known to this check`];
  }
}

function lintFinal({ instructions }: Stage): string[] {
  const lastOf = (keyword: string) => instructions.findLast((one) => one.keyword === keyword);
  const missing = ['HEALTHCHECK', 'ENTRYPOINT', 'STOPSIGNAL', 'VOLUME', 'EXPOSE'].filter(
    (keyword) => lastOf(keyword) === undefined,
  );
  const user = lastOf('USER')?.text ?? 'root';
  return [
    ...missing.map((keyword) => `the final stage lacks ${keyword}`),
    ...(/^[1-9]\d*(:[1-9]\d*)?$/.test(user)
      ? []
      : [`the final stage runs as ${user}: name a user by number, not root`]),
  ];
}
