/**
 * Goal: proto/*.proto, the generated schema and the interfaces in code say the same, field by field. The interfaces
 * are read from their source text: types are gone when tests run.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { schemaText } from '../scripts/generate.mjs';
import { MESSAGES } from './arbitraries.test-lib.ts';
import { SCHEMA } from './generated/schema.ts';

const SOURCES = [
  '../../core/src/ids.ts',
  '../../core/src/catalog/config.ts',
  '../../core/src/control-messages.ts',
  '../../core/src/data-messages.ts',
  '../../core/src/messages.ts',
  '../../core/src/replication-messages.ts',
  './hello.ts',
].map((path) => readFileSync(new URL(path, import.meta.url), 'utf8'));
const SOURCE = SOURCES.join('\n');

interface CodeField {
  readonly name: string;
  readonly type: string;
}

/** Every interface with its fields in order, those that it inherits first. */
const INTERFACES = readInterfaces();
/** `type` of a message to the name of its interface. */
const TYPES = new Map(
  [...INTERFACES].flatMap(([name, fields]) => {
    const type = fields.find((field) => field.name === 'type');
    return type === undefined ? [] : [[type.type.replaceAll("'", ''), name] as const];
  }),
);

function readInterfaces(): Map<string, CodeField[]> {
  const interfaces = new Map<string, CodeField[]>();
  const pattern = /^(?:export )?interface (\w+)(?: extends (\w+))? \{\n([\s\S]*?)^\}/gm;
  for (const [, name = '', parent, body = ''] of SOURCE.matchAll(pattern)) {
    const fields = [...body.matchAll(/^ {2}readonly (\w+): (.*);$/gm)].map(([, field = '', type = '']) => ({
      name: field,
      type,
    }));
    interfaces.set(name, [...(parent === undefined ? [] : (interfaces.get(parent) ?? [])), ...fields]);
  }
  return interfaces;
}

/** Which types in code a field of the contract may have. */
function typesInCode(type: string): string[] {
  if (type === 'uint32') return ['number', 'PartitionId', 'MapId'];
  if (type === 'uint64') return ['number', 'Epoch', 'Lsn'];
  if (type === 'double') return ['number'];
  if (type === 'bool') return ['boolean'];
  if (type === 'bytes') return ['Uint8Array'];
  if (type === 'string') return ['string', 'ContainerName', 'Incarnation', 'ClientId', 'Incarnation | ClientId'];
  return [type];
}

/** The literals of `'add' | 'evict'`, also behind a name. */
function literalsOf(type: string): string[] {
  const alias = new RegExp(`^export type ${type} = (.*);$`, 'm').exec(
    `${SOURCE}\n${readFileSync(new URL('../../core/src/machine.ts', import.meta.url), 'utf8')}`,
  );
  return [...(alias?.[1] ?? type).matchAll(/'(\w+)'/g)].map(([, literal = '']) => literal);
}

test('the generated schema is that of the .proto files', () => {
  const generated = readFileSync(new URL('./generated/schema.ts', import.meta.url), 'utf8');
  expect(generated, 'run: node packages/protocol/scripts/generate.mjs').toBe(schemaText());
});

test('every message has its place in the envelope, and nothing else has', () => {
  const envelope = Object.keys(SCHEMA.Envelope?.fields ?? {}).sort();
  expect(envelope).toEqual([...TYPES.keys()].sort());
  expect(envelope).toEqual(Object.keys(MESSAGES).sort());
  expect(SCHEMA.Envelope?.oneofs?.body?.oneof.toSorted()).toEqual(envelope);
  for (const [type, field] of Object.entries(SCHEMA.Envelope?.fields ?? {})) expect(field.type).toBe(TYPES.get(type));
});

describe('the fields are the same', () => {
  for (const [message, { fields }] of Object.entries(SCHEMA)) {
    if (fields === undefined || message === 'Frame' || message === 'Envelope') continue;
    test(message, () => {
      const inCode = INTERFACES.get(message)?.filter(({ name }) => name !== 'type') ?? [];
      expect(Object.keys(fields).toSorted()).toEqual(inCode.map(({ name }) => name).toSorted());
      for (const { name, type } of inCode) {
        const field = fields[name];
        if (field === undefined) throw new Error(name);
        const itemType = /^readonly (\w+)\[\]$/.exec(type)?.[1];
        expect(field.rule === 'repeated', `${name} is a list`).toBe(itemType !== undefined);
        const values = SCHEMA[field.type]?.values;
        if (values === undefined) expect(typesInCode(field.type), name).toContain(itemType ?? type);
        else expect(literalsInProto(values), name).toEqual(literalsOf(type));
      }
    });
  }
});

/** In the order of their numbers, without the zero. */
function literalsInProto(values: { readonly [name: string]: number }): string[] {
  const names = Object.keys(values);
  const prefix = (names[0] ?? '').replace(/UNSPECIFIED$/, '');
  expect(Object.values(values)).toEqual(names.map((_, index) => index));
  return names.slice(1).map((name) =>
    name
      .slice(prefix.length)
      .toLowerCase()
      .replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()),
  );
}
