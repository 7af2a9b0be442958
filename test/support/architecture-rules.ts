import { dirname, join } from 'node:path/posix';
import ts from 'typescript';

/** What a source file refers to: found by the compiler's own parser, so that comments and strings do not count. */
export interface ModuleFacts {
  /** From the root of the project, e.g. `src/domain/decide.ts`. */
  readonly path: string;
  readonly imports: readonly ImportFact[];
  /** Uses of what the environment provides, e.g. `Date.now`, `new Date()`, `process.env`. */
  readonly uses: readonly string[];
}

interface ImportFact {
  /** A path as above, or the specifier of a package or builtin. */
  readonly target: string;
  readonly isPackage: boolean;
  readonly names: readonly string[];
  /** Erased by the compiler: the rules of layers hold for it, but it draws no order of loading. */
  readonly isTypeOnly: boolean;
}

interface LayerRule {
  /** Path prefix of the files it is about. */
  readonly files: string;
  /** Path prefixes they may import; `own` is the folder one level below `files`. */
  readonly mayImport: readonly string[];
  /** Packages and builtins, by name or by `name#export`; `*`: any but the MCP SDK. */
  readonly packages: readonly string[];
  readonly isPure?: boolean;
}

const PURE_DOMAIN = ['zod', 'xstate', '@bufbuild/cel', 'ajv', 'ajv-formats', 'fastest-levenshtein'];
const MCP_SDK = '@modelcontextprotocol/';
/** What clients are offered: one file each. */
const OFFERED = ['tools/', 'resources/', 'prompts/'];

/** 2-architecture, "Layers, and what may import what". The first rule whose prefix fits a file is its rule. */
const LAYERS: readonly LayerRule[] = [
  {
    files: 'src/domain/',
    mayImport: ['src/domain/'],
    packages: [...PURE_DOMAIN, 'node:crypto#createHash'],
    isPure: true,
  },
  { files: 'src/ports/', mayImport: ['src/ports/', 'src/domain/'], packages: [], isPure: true },
  {
    files: 'src/application/',
    mayImport: ['src/application/', 'src/domain/', 'src/ports/'],
    packages: ['zod', 'yaml', 'node:crypto#createHash', 'node:crypto#createHmac'],
    isPure: true,
  },
  { files: 'src/adapters/', mayImport: ['own', 'src/ports/', 'src/domain/'], packages: ['*'] },
  // Loaded into programs and tests of third parties: of Baton only what needs no process and no store.
  {
    files: 'src/sdk/handler',
    mayImport: ['src/sdk/handler', 'src/ports/', 'src/domain/'],
    packages: ['zod'],
  },
  // An agent of one's own is a Baton process.
  {
    files: 'src/sdk/',
    mayImport: [
      'src/sdk/',
      'src/application/',
      'src/composition.ts',
      'src/config',
      'src/domain/',
      'src/ports/',
    ],
    packages: ['*'],
  },
  {
    // Runs what the SDK's users defined.
    files: 'src/handlers/third-party/',
    mayImport: ['src/handlers/third-party/', 'src/sdk/handler', 'src/ports/', 'src/domain/'],
    packages: ['*'],
  },
  { files: 'src/handlers/', mayImport: ['own', 'src/ports/', 'src/domain/'], packages: ['*'] },
  {
    files: 'src/mcp/',
    mayImport: ['src/mcp/', 'src/application/', 'src/domain/', 'src/ports/', ...OFFERED],
    packages: ['*', MCP_SDK],
  },
  // Of another folder of OFFERED they import nothing: what is shared belongs to src/mcp.
  ...OFFERED.map((files) => ({
    files,
    mayImport: [files, 'src/mcp/', 'src/application/', 'src/domain/', 'src/ports/'],
    packages: ['zod'],
  })),
  {
    files: 'src/http/',
    mayImport: [
      'src/http/',
      'src/application/',
      'src/domain/',
      'src/mcp/',
      'src/ports/',
      // The settings it is given.
      'src/config/config-schema.ts',
    ],
    packages: ['*'],
  },
  {
    files: 'src/config',
    mayImport: ['src/config', 'src/domain/', 'src/adapters/system/data-directories.ts'],
    packages: ['*'],
  },
  {
    files: 'src/cli/',
    mayImport: [
      'src/cli/',
      'src/application/',
      'src/config',
      'src/composition',
      'src/domain/',
      'src/http/',
      'src/mcp/',
      'src/ports/',
      // Doctor looks where nothing is to be constructed, and errors are told by their class.
      'src/adapters/redis/inspect-server.ts',
      'src/adapters/redis/redis-store-error.ts',
      'src/adapters/sqlite/inspect-file.ts',
      'src/adapters/sqlite/open-database.ts',
      'src/adapters/sqlite/store-file-error.ts',
      'src/handlers/shell/resolve-binary.ts',
    ],
    packages: ['*'],
  },
  { files: 'src/main.ts', mayImport: ['src/cli/'], packages: ['*'] },
  { files: 'src/composition', mayImport: ['src/'], packages: ['*'] },
];

/** What reads time, chance or the world around; `new Date(ms)` only formats. */
const IMPURE =
  /^(?:Date\.now|new Date\(\)|Date\(\)|Math\.random|crypto\.\w+|performance\.\w+|(?:set|clear)(?:Timeout|Interval|Immediate)|queueMicrotask|fetch|console\.\w+|process\.\w+)$/;

/** Every way in which the files break the rules; empty: none. */
export function findViolations(modules: readonly ModuleFacts[]): string[] {
  return [...modules.flatMap(violationsOf), ...findCycles(modules)];
}

function violationsOf(module: ModuleFacts): string[] {
  const { path } = module;
  const rule = LAYERS.find(({ files }) => path.startsWith(files));
  if (rule === undefined) return [`${path} belongs to no layer`];
  const imports = module.imports.flatMap((imported) =>
    imported.isPackage
      ? packageViolation(path, rule, imported)
      : fileViolation(path, rule, imported),
  );
  const uses = module.uses.flatMap((use) => useViolation(path, rule, use));
  return [...imports, ...uses];
}

function fileViolation(path: string, rule: LayerRule, { target }: ImportFact): string[] {
  const own = rule.files + (path.slice(rule.files.length).split('/')[0] ?? '') + '/';
  const allowed = rule.mayImport.map((prefix) => (prefix === 'own' ? own : prefix));
  return allowed.some((prefix) => target.startsWith(prefix))
    ? []
    : [`${path} may not import ${target}`];
}

function packageViolation(path: string, rule: LayerRule, { target, names }: ImportFact): string[] {
  const isSdk = target.startsWith(MCP_SDK);
  const fits = (allowed: string): boolean => {
    if (allowed === '*') return !isSdk;
    const [name = '', exported] = allowed.split('#');
    const isNamed = target === name || target.startsWith(name.endsWith('/') ? name : `${name}/`);
    return isNamed && exported === undefined;
  };
  if (rule.packages.some(fits)) return [];
  const refused = names.filter((name) => !rule.packages.includes(`${target}#${name}`));
  if (refused.length === 0 && names.length > 0) return [];
  return [`${path} may not import ${names.length === 0 ? 'all' : refused.join(', ')} of ${target}`];
}

function useViolation(path: string, rule: LayerRule, use: string): string[] {
  if (use === 'process.env')
    return rule.files === 'src/config' ? [] : [`${path} reads process.env`];
  return rule.isPure === true && IMPURE.test(use) ? [`${path} uses ${use}`] : [];
}

/** Each cycle of loading once: what needs each other belongs together or wants a third file. */
function findCycles(modules: readonly ModuleFacts[]): string[] {
  const targets = new Map(
    modules.map(({ path, imports }) => [
      path,
      imports.filter(({ isTypeOnly }) => !isTypeOnly).map(({ target }) => target),
    ]),
  );
  const state = new Map<string, 'open' | 'done'>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (state.get(path) === 'done' || !targets.has(path)) return;
    if (state.get(path) === 'open') {
      cycles.push(`cycle: ${[...trail.slice(trail.indexOf(path)), path].join(' -> ')}`);
      return;
    }
    state.set(path, 'open');
    for (const target of targets.get(path) ?? []) visit(target, [...trail, path]);
    state.set(path, 'done');
  };
  for (const path of targets.keys()) visit(path, []);
  return cycles;
}

export function readModule(path: string, text: string): ModuleFacts {
  const imports: ImportFact[] = [];
  const uses: string[] = [];
  const addImport = (
    node: ts.Node | undefined,
    names: readonly string[] = [],
    isTypeOnly = false,
  ): void => {
    if (node === undefined || !ts.isStringLiteralLike(node)) return;
    const isPackage = !node.text.startsWith('.');
    const target = isPackage ? node.text : join(dirname(path), node.text);
    imports.push({ target, isPackage, names, isTypeOnly });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node))
      addImport(node.moduleSpecifier, namesOf(node.importClause), isErased(node.importClause));
    if (ts.isExportDeclaration(node)) addImport(node.moduleSpecifier, [], node.isTypeOnly);
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      addImport(node.arguments[0]);
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      addImport(node.argument.literal, [], true);
    const use = useOf(node);
    if (use !== undefined) uses.push(use);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.ES2024, true));
  return { path, imports, uses };
}

/** Empty when everything is imported (`import * as x`, a default, or nothing by name). */
function namesOf(clause: ts.ImportClause | undefined): string[] {
  const bindings = clause?.namedBindings;
  if (bindings === undefined || !ts.isNamedImports(bindings)) return [];
  return bindings.elements.map(({ name, propertyName }) => (propertyName ?? name).text);
}

function isErased(clause: ts.ImportClause | undefined): boolean {
  return clause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
}

function useOf(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression))
    return `${node.expression.text}.${node.name.text}`;
  if (ts.isElementAccessExpression(node) && ts.isIdentifier(node.expression))
    return ts.isStringLiteralLike(node.argumentExpression)
      ? `${node.expression.text}.${node.argumentExpression.text}`
      : undefined;
  const isDate = (callee: ts.Node): boolean => ts.isIdentifier(callee) && callee.text === 'Date';
  if (ts.isNewExpression(node) && isDate(node.expression))
    return node.arguments?.length ? undefined : 'new Date()';
  if (!ts.isCallExpression(node) || !ts.isIdentifier(node.expression)) return destructured(node);
  return isDate(node.expression) ? 'Date()' : node.expression.text;
}

/** `const { env } = process` reads the same. */
function destructured(node: ts.Node): string | undefined {
  if (!ts.isVariableDeclaration(node) || node.initializer === undefined) return undefined;
  const { name, initializer } = node;
  if (!ts.isObjectBindingPattern(name) || !ts.isIdentifier(initializer)) return undefined;
  const [first] = name.elements.map(({ name: bound, propertyName }) => propertyName ?? bound);
  return first && ts.isIdentifier(first) ? `${initializer.text}.${first.text}` : undefined;
}
