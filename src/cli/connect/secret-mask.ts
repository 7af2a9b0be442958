import { parseTree, type Node } from 'jsonc-parser';

const MASK = '***';
/** Names of settings, variables, headers and options that hold secrets. */
const SECRET_NAME =
  /key$|keys$|_key|token|secret|passw|pwd|credential|auth|cookie|session|private|dsn/i;
/** Values that are secrets whatever they are called: prefixes of known issuers, and credentials within a URL. */
const SECRET_VALUE =
  /\b(?:sk-|ghp_|gho_|ghs_|github_pat_|glpat-|xox[a-z]-|npm_|AKIA|AIza|eyJ|hf_|Bearer )[\w.~+/=-]{6,}|(?<=:\/\/[^\s/:@"]*:)[^\s/@"]+(?=@)/g;
const SECRET_IN_QUERY =
  /(?<=[?&][\w.-]*(?:key|token|secret|passw|pwd|auth|sig|session|code)[\w.-]*=)[^&\s"#]+/gi;
/** Whatever a header is called: they are there to let somebody in. */
const IN_HEADERS = /\/headers\//i;
/** Long and mixed, without a separator of paths, lists or words: more likely a key than anything a person wrote. */
const RANDOM_VALUE = /^(?=.*\d)(?=.*[A-Za-z])[\w+=-]{32,}$/;

/**
 * A configuration with what looks like a secret masked, for people to look at. A secret that differs from the one at
 * the same place in `before` is marked as new, so that a difference stays visible. Cautious, not certain: a secret with
 * an innocent name and an innocent look is shown.
 */
export function maskSecrets(text: string, before = ''): string {
  const known = new Map(secretsIn(before).map(({ path, value }) => [path, value]));
  let masked = text;
  for (const { path, node, value } of secretsIn(text).reverse()) {
    const isNew = before !== '' && known.get(path) !== value;
    const shown = JSON.stringify(isNew ? `${MASK} (new value)` : MASK);
    masked = masked.slice(0, node.offset) + shown + masked.slice(node.offset + node.length);
  }
  return masked.replaceAll(SECRET_VALUE, MASK).replaceAll(SECRET_IN_QUERY, MASK);
}

interface Secret {
  readonly path: string;
  readonly node: Node;
  readonly value: string;
}

/** In the order of the text. */
function secretsIn(text: string): Secret[] {
  const root = parseTree(text, [], { allowTrailingComma: true });
  const secrets: Secret[] = [];
  const visit = (node: Node, path: string, name: string): void => {
    if (node.type === 'object')
      for (const { children: [key, value] = [] } of node.children ?? [])
        if (key !== undefined && value !== undefined)
          visit(value, `${path}/${String(key.value)}`, String(key.value));
    if (node.type === 'array')
      for (const [at, item] of (node.children ?? []).entries())
        visit(item, `${path}/${at}`, optionBefore(node, at) ?? name);
    const value: unknown = node.value;
    if (typeof value === 'string' && isSecret(name, value, path))
      secrets.push({ path, node, value });
  };
  if (root !== undefined) visit(root, '', '');
  return secrets;
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
