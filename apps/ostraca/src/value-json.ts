/**
 * Values and keys as JSON on the command line. What JSON lacks is an object with one key that begins with `$`; an
 * object that looks like one of these by itself is wrapped, so that everything printed is read back as it was.
 *
 *   {"$date": "2024-01-01T00:00:00.000Z"}   {"$bigint": "12"}   {"$bytes": "base64"}   {"$undefined": true}
 *   {"$number": "NaN"}   {"$map": [[key, value]]}   {"$set": [value]}   {"$typed": ["Float64Array", "base64"]}
 *   {"$object": {"$date": "an object that has the key $date"}}
 */

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

const TYPED_ARRAYS = {
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
} as const;

export function printValue(value: unknown): string {
  return JSON.stringify(toJson(value));
}

/** @throws SyntaxError, with the reason in words. */
export function parseValue(text: string): unknown {
  return fromJson(JSON.parse(text) as Json);
}

export function toJson(value: unknown): Json {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : { $number: Object.is(value, -0) ? '-0' : String(value) };
    case 'bigint':
      return { $bigint: String(value) };
    case 'undefined':
      return { $undefined: true };
    case 'object':
      return value === null ? null : objectToJson(value);
    default:
      throw new TypeError(`a ${typeof value} is no value of a map`);
  }
}

function objectToJson(value: object): Json {
  if (Array.isArray(value)) return Array.from(value, toJson);
  if (value instanceof Date) return { $date: Number.isNaN(value.getTime()) ? 'invalid' : value.toISOString() };
  if (value instanceof Uint8Array) return { $bytes: base64Of(value) };
  if (value instanceof ArrayBuffer) return { $typed: ['ArrayBuffer', base64Of(new Uint8Array(value))] };
  if (ArrayBuffer.isView(value)) {
    return {
      $typed: [value.constructor.name, base64Of(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))],
    };
  }
  if (value instanceof Map) return { $map: Array.from(value, ([key, item]) => [toJson(key), toJson(item)]) };
  if (value instanceof Set) return { $set: Array.from(value, toJson) };
  const json = plainObject(Object.entries(value).map(([key, item]) => [key, toJson(item)]));
  return tagOf(json) === undefined ? json : { $object: json };
}

export function fromJson(json: Json): unknown {
  if (typeof json !== 'object' || json === null) return json;
  if (Array.isArray(json)) return json.map(fromJson);
  const object = json as { readonly [key: string]: Json };
  const tag = tagOf(object);
  if (tag !== undefined) return untag(tag, object[tag] as Json);
  return plainObject(Object.entries(object).map(([key, item]) => [key, fromJson(item)]));
}

const TAGS = ['$date', '$bigint', '$bytes', '$undefined', '$number', '$map', '$set', '$typed', '$object'] as const;
type Tag = (typeof TAGS)[number];

function tagOf(object: { readonly [key: string]: Json }): Tag | undefined {
  const [key, ...others] = Object.keys(object);
  return others.length > 0 ? undefined : TAGS.find((tag) => tag === key);
}

function untag(tag: Tag, content: Json): unknown {
  switch (tag) {
    case '$date':
      return dateOf(content);
    case '$bigint':
      if (typeof content === 'string' && /^-?\d+$/.test(content)) return BigInt(content);
      throw new SyntaxError('$bigint takes the digits of a whole number, as a text');
    case '$bytes':
      return bytesOf(content, tag);
    case '$undefined':
      return undefined;
    case '$number':
      if (typeof content === 'string' && content !== '') return Number(content);
      throw new SyntaxError('$number takes a number as a text');
    case '$map':
      return new Map(pairsOf(content));
    case '$set':
      if (Array.isArray(content)) return new Set(content.map(fromJson));
      throw new SyntaxError('$set takes a list');
    case '$typed':
      return typedOf(content);
    case '$object':
      if (typeof content === 'object' && content !== null && !Array.isArray(content)) {
        return plainObject(Object.entries(content).map(([key, item]) => [key, fromJson(item as Json)]));
      }
      throw new SyntaxError('$object takes an object');
  }
}

function dateOf(content: Json): Date {
  if (content === 'invalid') return new Date(Number.NaN);
  const date = typeof content === 'string' || typeof content === 'number' ? new Date(content) : undefined;
  if (date !== undefined && !Number.isNaN(date.getTime())) return date;
  throw new SyntaxError('$date takes a date, such as "2024-01-01T00:00:00.000Z"');
}

function bytesOf(content: Json | undefined, what: string): Uint8Array {
  if (typeof content === 'string') {
    const bytes = new Uint8Array(Buffer.from(content, 'base64'));
    if (base64Of(bytes).replace(/=+$/, '') === content.replace(/=+$/, '')) return bytes;
  }
  throw new SyntaxError(`${what} takes base64`);
}

function typedOf(content: Json): unknown {
  const [name, base64] = Array.isArray(content) ? content : [];
  const bytes = bytesOf(base64, '$typed');
  if (name === 'ArrayBuffer') return bytes.buffer;
  if (name === 'DataView') return new DataView(bytes.buffer);
  if (typeof name === 'string' && Object.hasOwn(TYPED_ARRAYS, name)) {
    const TypedArray = TYPED_ARRAYS[name as keyof typeof TYPED_ARRAYS];
    if (bytes.length % TypedArray.BYTES_PER_ELEMENT === 0) return new TypedArray(bytes.buffer as ArrayBuffer);
  }
  throw new SyntaxError('$typed takes a list of the name of a typed array and its bytes in base64');
}

function pairsOf(content: Json): [unknown, unknown][] {
  if (!Array.isArray(content)) throw new SyntaxError('$map takes a list of pairs');
  return content.map((pair: Json) => {
    if (!Array.isArray(pair) || pair.length !== 2) throw new SyntaxError('$map takes a list of pairs');
    return [fromJson(pair[0] as Json), fromJson(pair[1] as Json)];
  });
}

function base64Of(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

/** Unlike an assignment, this gives an object a key `__proto__` of its own. */
function plainObject<Item>(entries: readonly (readonly [string, Item])[]): { [key: string]: Item } {
  return Object.fromEntries(entries);
}
