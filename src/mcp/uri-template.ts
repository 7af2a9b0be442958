export type UriVariables = Readonly<Record<string, string>>;

type Names<Template extends string> = Template extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Names<Rest>
  : never;
type OptionalName<Name extends string> = Name extends `?${infer Optional}` ? Optional : never;

/** What a template's names stand for: `{name}` is always there, `{?name}` where the URI has it. */
export type VariablesOf<Template extends string> = Readonly<
  Record<Exclude<Names<Template>, `?${string}`>, string> &
    Partial<Record<OptionalName<Names<Template>>, string>>
>;

/** Longer ones name nothing here. */
const MAX_URI_LENGTH = 2_000;

export interface UriTemplate {
  readonly isConcrete: boolean;
  /** `undefined`: the URI is not of this form. Values are percent-decoded. */
  readonly match: (uri: string) => UriVariables | undefined;
}

/**
 * The part of RFC 6570 that Baton's addresses need: `{name}` for one segment of the path, and `{?name}` at the end.
 */
export function compileUriTemplate(template: string): UriTemplate {
  const names: string[] = [];
  const pattern = template
    .split(/(\{\??\w+\})/)
    .map((part) => {
      const [, optional, name] = /^\{(\??)(\w+)\}$/.exec(part) ?? [];
      if (name === undefined) return part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
      names.push(name);
      return optional === '?' ? `(?:\\?${name}=([^&#]*))?` : '([^/?#]+)';
    })
    .join('');
  const whole = new RegExp(`^${pattern}$`);
  return {
    isConcrete: names.length === 0,
    match: (uri) => {
      const found = uri.length > MAX_URI_LENGTH ? null : whole.exec(uri);
      return found === null ? undefined : decoded(names, found.slice(1));
    },
  };
}

function decoded(
  names: readonly string[],
  values: readonly (string | undefined)[],
): UriVariables | undefined {
  const variables: Record<string, string> = {};
  try {
    names.forEach((name, at) => {
      const value = values[at];
      if (value !== undefined) variables[name] = decodeURIComponent(value);
    });
  } catch {
    return undefined; // a stray %
  }
  return variables;
}
