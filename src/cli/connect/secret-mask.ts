import { findNodeAtLocation, parseTree, visit, type JSONPath, type Node } from 'jsonc-parser';

const MASK = '***';
/** Names of settings, variables, headers and options that hold secrets. */
const SECRET_NAME =
  /key$|keys$|_key|token|secret|passw|pass$|_pat$|\bpin$|pwd|webhook|credential|auth|cookie|session|private|dsn/i;
/** Values that are secrets whatever they are called: prefixes of known issuers, and credentials within a URL. */
const SECRET_VALUE =
  /\b(?:sk-|ghp_|gho_|ghs_|github_pat_|glpat-|xox[a-z]-|npm_|AKIA|AIza|eyJ|hf_|Bearer )[\w.~+/=-]{6,}|(?<=:\/\/[^\s/:@"]*:)[^\s/@"]+(?=@)/g;
const SECRET_IN_QUERY =
  /(?<=[?&][\w.-]*(?:key|token|secret|passw|pwd|auth|sig|session|code)[\w.-]*=)[^&\s"#]+/gi;
/** The path of an address that whoever knows it may post to. */
const SECRET_WEBHOOK = /(?<=:\/\/(?:hooks\.[^\s"/]*|[^\s"]*\/webhooks?)\/)[^\s"]+/gi;
/** Whatever a header is called: they are there to let somebody in. */
const IN_HEADERS = /\/headers\//i;
/** Long and mixed, without a separator of paths, lists or words: more likely a key than anything a person wrote. */
const RANDOM_VALUE = /^(?=.*\d)(?=.*[A-Za-z])[\w+=-]{32,}$/;

export interface MaskOptions {
  /** The text as it was: a secret that differs from the one at the same place there is marked as new. */
  readonly before?: string;
  /** Of the one entry that may be shown; default: all of the text is. */
  readonly own?: JSONPath;
}

/**
 * A configuration for people to look at. Outside of `own` every text, number and comment is masked: whose it is does not
 * matter here, and no look at it could tell for certain. Within it, what looks like a secret: cautious, not certain, a
 * secret with an innocent name and an innocent look is shown.
 */
export function maskSecrets(text: string, { before = '', own = [] }: MaskOptions = {}): string {
  const known = new Map(secretsIn(before, own).map(({ path, value }) => [path, value]));
  let masked = text;
  const secrets = secretsIn(text, own).map(({ path, node: { offset, length }, value }) => {
    const isNew = before !== '' && known.get(path) !== value;
    return { offset, length, shown: JSON.stringify(isNew ? `${MASK} (new value)` : MASK) };
  });
  const cuts = [...secrets, ...commentsOutside(text, own)].sort((a, b) => b.offset - a.offset);
  for (const { offset, length, shown } of cuts)
    masked = masked.slice(0, offset) + shown + masked.slice(offset + length);
  return masked
    .replaceAll(SECRET_VALUE, MASK)
    .replaceAll(SECRET_IN_QUERY, MASK)
    .replaceAll(SECRET_WEBHOOK, MASK);
}

interface Secret {
  readonly path: string;
  readonly node: Node;
  readonly value: unknown;
}

function secretsIn(text: string, own: JSONPath): Secret[] {
  const root = parseTree(text, [], { allowTrailingComma: true });
  if (root === undefined) return [];
  const shown = findNodeAtLocation(root, own);
  const secrets: Secret[] = [];
  const look = (node: Node, path: string, name: string): void => {
    if (node.type === 'object')
      for (const { children: [key, value] = [] } of node.children ?? [])
        if (key !== undefined && value !== undefined)
          look(value, `${path}/${String(key.value)}`, String(key.value));
    if (node.type === 'array')
      for (const [at, item] of (node.children ?? []).entries())
        look(item, `${path}/${at}`, optionBefore(node, at) ?? name);
    const value: unknown = node.value;
    const isHidden = isWithin(shown, node.offset)
      ? typeof value === 'string' && isSecret(name, value, path)
      : typeof value === 'number' || (typeof value === 'string' && value !== '');
    if (isHidden) secrets.push({ path, node, value });
  };
  look(root, '', '');
  return secrets;
}

interface Cut {
  readonly offset: number;
  readonly length: number;
  readonly shown: string;
}

function commentsOutside(text: string, own: JSONPath): Cut[] {
  const root = parseTree(text, [], { allowTrailingComma: true });
  const shown = root && findNodeAtLocation(root, own);
  const comments: Cut[] = [];
  visit(text, {
    onComment: (offset, length) => {
      const isShown = own.length === 0 || isWithin(shown, offset);
      if (!isShown)
        comments.push({ offset, length, shown: maskComment(text.slice(offset, offset + length)) });
    },
  });
  return comments;
}

/** Line by line: the lines behind it stay where they are. */
function maskComment(comment: string): string {
  if (comment.startsWith('//')) return `// ${MASK}`;
  return `/*${comment.slice(2, -2).replaceAll(/[^\r\n]+/g, ` ${MASK}`)} */`;
}

function isWithin(node: Node | undefined, offset: number): boolean {
  return node !== undefined && offset >= node.offset && offset < node.offset + node.length;
}

/** `--api-key` in front of its value. */
function optionBefore(array: Node, at: number): string | undefined {
  const value: unknown = array.children?.[at - 1]?.value;
  return typeof value === 'string' && value.startsWith('-') ? value : undefined;
}

function isSecret(name: string, value: string, path: string): boolean {
  if (value === '' || /^\$\{?[\w:]+\}?$|^\{(?:env|file):/.test(value)) return false;
  if (IN_HEADERS.test(path)) return true;
  const [option, given] = value.startsWith('-') ? value.split('=', 2) : [name, value];
  if (given === undefined) return false;
  return SECRET_NAME.test(option ?? '') || RANDOM_VALUE.test(given);
}
