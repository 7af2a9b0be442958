import { isAbsolute, join } from 'node:path';
import { z } from 'zod';
import type { DataDirectories } from '../adapters/system/data-directories.ts';
import { isNoPlace } from './store-place.ts';

/**
 * How a value is written as text. In variables and options lists are separated by commas; paths may begin with `~/`
 * and are relative to their file, else to the current directory. `store` is a path or the URL of a server.
 */
export type SettingForm = 'text' | 'list' | 'number' | 'flag' | 'path' | 'paths' | 'store';

type SettingDefault = string | number | boolean | readonly string[];

/** Where defaults of this machine come from. */
export interface DefaultSources {
  readonly directories: DataDirectories;
  readonly cwd: string;
}

export interface SettingNote {
  readonly form: SettingForm;
  readonly meaning: string;
  readonly fallback: SettingDefault | ((sources: DefaultSources) => string);
  /** For people, where the default depends on the machine. */
  readonly fallbackText?: string;
}

export const settingNotes = z.registry<SettingNote>();

const DAY_LIMIT = 36_500;
/** A name, an IPv4 address, or an IPv6 address in brackets: lower case, as `URL` answers it. */
const HOST_NAME = /^(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])$/;
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const variableNames = (): z.ZodArray<z.ZodString> =>
  z.array(z.string().regex(VARIABLE_NAME, 'is not the name of an environment variable')).max(100);

/** Whatever is wrong with it, one message says all of what it may be. */
function wholeNumber(min: number, max: number): z.ZodNumber {
  const error = `must be a whole number from ${min} to ${max}`;
  return z.number({ error }).int({ error }).min(min, { error }).max(max, { error });
}

/** Scheme, host and port exactly as a browser writes them. */
function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.origin === text;
}

const STORE_FORMS =
  'is neither a path nor the URL of a Redis server (redis://, rediss://, redis+sentinel://, redis+cluster://, unix://), for example redis://127.0.0.1:6379; a file of such a name is written ./name';

const store = z
  .string()
  .min(1)
  .refine((value) => !isNoPlace(value), { error: STORE_FORMS })
  .register(settingNotes, {
    form: 'store',
    meaning: 'Database file with every run, definition and history, or the URL of a Redis server',
    fallback: ({ directories }) => join(directories.data, 'baton.db'),
    fallbackText: '`~/.local/share/baton/baton.db` (`XDG_DATA_HOME`)',
  });

const workspace = z
  .string()
  .min(1)
  .register(settingNotes, {
    form: 'path',
    meaning: 'Directory that relative paths of runs started here begin from',
    fallback: ({ cwd }) => cwd,
    fallbackText: 'the current directory',
  });

const shell = z.object({
  allow: z
    .array(
      z.string().refine((entry) => entry !== '' && (!/[/\0]/.test(entry) || isAbsolute(entry)), {
        error: 'is neither the name of a program nor an absolute path',
      }),
    )
    .max(1_000)
    .register(settingNotes, {
      form: 'list',
      meaning: 'Programs that shell steps may run: names found on `PATH`, or absolute paths',
      fallback: [],
    }),
  roots: z.array(z.string().min(1)).max(100).register(settingNotes, {
    form: 'paths',
    meaning: 'Directories besides the workspace that shell steps may run in',
    fallback: [],
  }),
  env: variableNames().register(settingNotes, {
    form: 'list',
    meaning: 'Environment variables that commands see besides the basics (`PATH`, `HOME`, locale)',
    fallback: [],
  }),
  outputLimitBytes: wholeNumber(1_024, 262_144).register(settingNotes, {
    form: 'number',
    meaning: 'Bytes kept of each output stream of a command: its beginning and its end',
    fallback: 65_536,
  }),
});

const handlers = z.array(z.string().min(1)).max(100).register(settingNotes, {
  form: 'paths',
  meaning:
    'Files (JavaScript or TypeScript) with step kinds of your own; their code runs inside Baton',
  fallback: [],
});

const worker = z.object({
  concurrency: z
    .union([z.literal('auto'), z.number().int().min(1).max(256)], {
      error: 'expected "auto" or a whole number from 1 to 256',
    })
    .register(settingNotes, {
      form: 'number',
      meaning: 'Steps that run at once; `auto` follows the load of processor and memory',
      fallback: 'auto',
    }),
  leaseDurationMs: wholeNumber(1_000, 900_000).register(settingNotes, {
    form: 'number',
    meaning: 'Milliseconds after which the steps of a dead worker are given to another',
    fallback: 10_000,
  }),
});

const retention = z.object({
  days: wholeNumber(1, DAY_LIMIT).register(settingNotes, {
    form: 'number',
    meaning: 'Days after which finished runs are removed',
    fallback: 30,
  }),
  runs: wholeNumber(1, 10_000_000).register(settingNotes, {
    form: 'number',
    meaning: 'Finished runs kept; older ones beyond are removed',
    fallback: 10_000,
  }),
});

const expressions = z.object({
  env: variableNames().register(settingNotes, {
    form: 'list',
    meaning: 'Environment variables that expressions may read as `env.NAME`',
    fallback: [],
  }),
});

const log = z.object({
  level: z.enum(['debug', 'info', 'warn', 'error']).register(settingNotes, {
    form: 'text',
    meaning: 'Least important messages that are written: `debug`, `info`, `warn` or `error`',
    fallback: 'info',
  }),
  file: z
    .string()
    .min(1)
    .register(settingNotes, {
      form: 'path',
      meaning: 'Log file, a number added before its ending; 5 files of 10 MB are kept',
      fallback: ({ directories }) => join(directories.state, 'baton.log'),
      fallbackText: '`~/.local/state/baton/baton.log` (`XDG_STATE_HOME`)',
    }),
});

const mcp = z.object({
  toolsets: z
    .array(z.string().min(1))
    .min(1)
    .max(50)
    .register(settingNotes, {
      form: 'list',
      meaning: 'Groups of tools offered to agents; `all` for every tool',
      fallback: ['core'],
    }),
  askUser: z.boolean().register(settingNotes, {
    form: 'flag',
    meaning:
      "Put approvals to the user of clients that can ask (elicitation); a client's word is taken for it",
    fallback: false,
  }),
  readOnly: z.boolean().register(settingNotes, {
    form: 'flag',
    meaning: 'Hide and refuse every tool that changes something',
    fallback: false,
  }),
  maxWaitSeconds: wholeNumber(1, 25).register(settingNotes, {
    form: 'number',
    meaning: 'Longest wait of one tool call, in seconds',
    fallback: 25,
  }),
});

const http = z.object({
  host: z.string().min(1).max(255).register(settingNotes, {
    form: 'text',
    meaning: 'Address that `baton serve` listens on; beyond loopback only with keys',
    fallback: '127.0.0.1',
  }),
  port: wholeNumber(0, 65_535).register(settingNotes, {
    form: 'number',
    meaning: 'Port that `baton serve` listens on; `0` for any that is free',
    fallback: 7_420,
  }),
  auth: z.enum(['auto', 'required']).register(settingNotes, {
    form: 'text',
    meaning:
      'Whether requests need an API key: `auto` asks for none on loopback, `required` always asks',
    fallback: 'auto',
  }),
  keyFile: z.string().max(4_096).register(settingNotes, {
    form: 'path',
    meaning: 'File with one more key, for `runs:read`, `runs:write` and `agents:work`',
    fallback: '',
    fallbackText: 'none',
  }),
  allowedHosts: z
    .array(z.string().regex(HOST_NAME, 'is no host name (a name or address without a port)'))
    .max(100)
    .register(settingNotes, {
      form: 'list',
      meaning: 'Names besides loopback and `http.host` that requests may be addressed to (`Host`)',
      fallback: [],
    }),
  allowedOrigins: z
    .array(z.string().refine(isOrigin, { error: 'is no origin, such as https://example.org' }))
    .max(100)
    .register(settingNotes, {
      form: 'list',
      meaning: "Origins of web pages that may call, besides the server's own",
      fallback: [],
    }),
  maxBodyBytes: wholeNumber(1_024, 67_108_864).register(settingNotes, {
    form: 'number',
    meaning: 'Largest body of a request, in bytes',
    fallback: 4_194_304,
  }),
  ratePerSecond: wholeNumber(1, 1_000_000).register(settingNotes, {
    form: 'number',
    meaning:
      'Requests a second of one key (without a key: of one address); a burst may be five times that',
    fallback: 500,
  }),
  maxRequests: wholeNumber(1, 100_000).register(settingNotes, {
    form: 'number',
    meaning: 'Requests that are answered at once; one caller may have half of them',
    fallback: 1_000,
  }),
  maxStreams: wholeNumber(1, 100_000).register(settingNotes, {
    form: 'number',
    meaning: 'Event streams that are open at once; one caller may have half of them',
    fallback: 1_000,
  }),
  graceMs: wholeNumber(0, 600_000).register(settingNotes, {
    form: 'number',
    meaning: 'Milliseconds that open requests and running steps get when the server is told to end',
    fallback: 10_000,
  }),
});

/** Every key there is; a key stands here only when it works. */
export const configSchema = z.object({
  store,
  workspace,
  shell,
  handlers,
  worker,
  retention,
  expressions,
  log,
  mcp,
  http,
});

type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;

/** Effective configuration: complete, valid, frozen; all paths absolute. */
export type Config = DeepReadonly<z.infer<typeof configSchema>>;
