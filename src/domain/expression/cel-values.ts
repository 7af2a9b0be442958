import {
  celList,
  celMap,
  isCelList,
  isCelMap,
  isCelUint,
  type CelList,
  type CelMap,
  type CelUint,
  type CelValue,
} from '@bufbuild/cel';
import { PROTOTYPE_KEYS } from '../definition/canonical-json.ts';
import { MAX_JSON_DEPTH } from '../definition/definition-limits.ts';
import { MAX_RESULT_LENGTH } from './expression-limits.ts';
import { isJsonObject, type Json, type JsonObject } from '../json.ts';

type CelKey = bigint | string | boolean | CelUint;

// What a list or map was made from, so that a value that is only passed on is not rebuilt.
const sources = new WeakMap<object, Json>();

/** Shows JSON to CEL without copying it: objects are read key by key, each list once per reader. */
export class JsonReader {
  readonly #lists = new Map<readonly Json[], CelList>();

  /** Integers up to 2^53 become CEL ints, other numbers doubles. */
  read(value: Json): CelValue {
    if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
    if (Array.isArray(value)) return this.#readList(value);
    if (isJsonObject(value)) return this.#readObject(value);
    return value;
  }

  #readList(list: Json[]): CelList {
    const known = this.#lists.get(list);
    if (known !== undefined) return known;
    const made = celList(list.map((item) => this.read(item)));
    this.#lists.set(list, made);
    sources.set(made, list);
    return made;
  }

  #readObject(object: JsonObject): CelMap {
    const made = celMap(new JsonMap(object, this));
    sources.set(made, object);
    return made;
  }
}

/** An object's own keys as a map; nothing of its prototype can be reached. */
class JsonMap implements ReadonlyMap<CelKey, CelValue> {
  readonly #object: JsonObject;
  readonly #reader: JsonReader;
  #copy: Map<CelKey, CelValue> | undefined;

  constructor(object: JsonObject, reader: JsonReader) {
    this.#object = object;
    this.#reader = reader;
  }

  get(key: CelKey): CelValue | undefined {
    if (typeof key !== 'string' || !Object.hasOwn(this.#object, key)) return undefined;
    const value = this.#object[key];
    return value === undefined ? undefined : this.#reader.read(value);
  }

  has(key: CelKey): boolean {
    return this.get(key) !== undefined;
  }

  get size(): number {
    return this.#all().size;
  }

  keys(): MapIterator<CelKey> {
    return this.#all().keys();
  }

  values(): MapIterator<CelValue> {
    return this.#all().values();
  }

  entries(): MapIterator<[CelKey, CelValue]> {
    return this.#all().entries();
  }

  forEach(visit: (value: CelValue, key: CelKey, map: ReadonlyMap<CelKey, CelValue>) => void): void {
    this.#all().forEach(visit);
  }

  [Symbol.iterator](): MapIterator<[CelKey, CelValue]> {
    return this.entries();
  }

  #all(): Map<CelKey, CelValue> {
    this.#copy ??= new Map(
      Object.entries(this.#object).map(([key, value]) => [key, this.#reader.read(value)]),
    );
    return this.#copy;
  }
}

/**
 * A CEL result as JSON; what came from JSON unchanged is the same object again. Throws for what JSON cannot carry
 * exactly (integers beyond 2^53, NaN, bytes, keys that are not text) and for more than about 1 MiB.
 * `toText` turns the remaining kinds, timestamps and durations, into text.
 */
export function toJson(value: CelValue, toText: (value: CelValue) => string): Json {
  return new JsonWriter(toText).write(value, 0);
}

/** Throws when the value, as JSON text, is larger than a result may be. */
export function assertResultSize(value: Json): void {
  new JsonWriter(String).count(value);
}

class JsonWriter {
  readonly #toText: (value: CelValue) => string;
  #left = MAX_RESULT_LENGTH;

  constructor(toText: (value: CelValue) => string) {
    this.#toText = toText;
  }

  write(value: CelValue, depth: number): Json {
    if (depth > MAX_JSON_DEPTH) throw new Error('the result is nested too deeply');
    this.#spend(typeof value === 'string' ? value.length + 2 : 4);
    if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
    if (typeof value === 'bigint') return integer(value);
    if (typeof value === 'number') return finite(value);
    if (isCelUint(value)) return integer(value.value);
    const source = sources.get(value);
    if (source !== undefined) return this.count(source);
    if (isCelList(value)) return Array.from(value, (item) => this.write(item, depth + 1));
    if (isCelMap(value)) return this.#writeMap(value, depth);
    return this.#toText(value);
  }

  count(value: Json): Json {
    this.#spend(typeof value === 'string' ? value.length + 2 : 4);
    if (Array.isArray(value)) {
      for (const item of value) this.count(item);
    } else if (isJsonObject(value)) {
      for (const key of Object.keys(value)) {
        this.#spend(key.length + 3);
        this.count(value[key] ?? null);
      }
    }
    return value;
  }

  #writeMap(map: CelMap, depth: number): JsonObject {
    const object: JsonObject = {};
    for (const [key, value] of map.entries()) {
      if (typeof key !== 'string') throw new Error('a key that is not text cannot become JSON');
      if (PROTOTYPE_KEYS.has(key)) throw new Error(`the key "${key}" is not allowed`);
      this.#spend(key.length + 3);
      object[key] = this.write(value, depth + 1);
    }
    return object;
  }

  #spend(characters: number): void {
    this.#left -= characters;
    if (this.#left < 0)
      throw new Error(`the result is larger than ${MAX_RESULT_LENGTH} characters`);
  }
}

function integer(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) {
    throw new Error(
      `the integer ${value.toString()} is beyond 2^53, which JSON cannot carry exactly`,
    );
  }
  return number;
}

function finite(value: number): number {
  if (!Number.isFinite(value))
    throw new Error(`the result ${value} is not a number JSON can carry`);
  return value;
}
