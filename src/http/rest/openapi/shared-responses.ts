import { isJsonObject, type Json, type JsonObject } from '../../../domain/json.ts';

/** Refusals that several operations declare alike, moved to `components.responses` under one name each. */
export function shareRefusals(paths: JsonObject): { paths: JsonObject; responses: JsonObject } {
  const uses = new Map<string, number>();
  eachRefusal(paths, (_status, text) => {
    uses.set(text, (uses.get(text) ?? 0) + 1);
    return undefined;
  });
  const names = new Map<string, string>();
  const responses: JsonObject = {};
  const shared = eachRefusal(paths, (status, text, response) => {
    if ((uses.get(text) ?? 0) < 2) return undefined;
    const name = names.get(text) ?? nameFor(status, responses);
    names.set(text, name);
    responses[name] = response;
    return { $ref: `#/components/responses/${name}` };
  });
  return { paths: shared, responses };
}

/** `Refused404`, `Refused404b`, … */
function nameFor(status: string, taken: JsonObject): string {
  const letters = ['', ...'bcdefghijklmnopqrstuvwxyz'.split(/(?=.)/)];
  const free = letters.find((letter) => !(`Refused${status}${letter}` in taken));
  if (free === undefined) throw new Error(`too many kinds of ${status}`);
  return `Refused${status}${free}`;
}

type Replace = (status: string, text: string, response: Json) => Json | undefined;

function eachRefusal(paths: JsonObject, replace: Replace): JsonObject {
  return mapped(paths, (methods) =>
    mapped(methods, (operation) => {
      if (!isJsonObject(operation)) return operation;
      const responses = mapped(operation.responses, (response, status) =>
        status < '400'
          ? response
          : (replace(status, JSON.stringify(response), response) ?? response),
      );
      return { ...operation, responses };
    }),
  );
}

function mapped(value: Json | undefined, change: (value: Json, name: string) => Json): JsonObject {
  const entries = Object.entries(isJsonObject(value) ? value : {});
  return Object.fromEntries(
    entries.map(([name, one]): [string, Json] => [name, change(one, name)]),
  );
}
