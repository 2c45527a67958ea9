/** From what an operator wrote to the policy that the system works with: read, checked, defaults filled in. */
import { readFileSync } from 'node:fs';
import type { Policy } from '@ostraca/core';
import { parseDocument } from 'yaml';
import type * as z from 'zod';
import { filled } from './policy-defaults.ts';
import { contradictions, unsupported } from './policy-rules.ts';
import { policySchema, type WrittenPolicy } from './policy-schema.ts';

/** Each line names a path in the policy and what was expected there. */
export class PolicyError extends Error {
  override readonly name = 'PolicyError';
  readonly lines: readonly string[];

  constructor(lines: readonly string[]) {
    super(lines.join('\n'));
    this.lines = lines;
  }
}

/** A path of a file (YAML or JSON), its parsed content, or a policy that has been through here before. */
export type PolicySource = string | Policy | Readonly<Record<string, unknown>>;

/** @throws {@link PolicyError} with every finding, not only the first. */
export function readPolicy(source: PolicySource): Policy {
  if (typeof source === 'string') return parsePolicyText(readText(source));
  return parsePolicy(asWritten(source));
}

/** YAML 1.2, of which JSON is a part; a key that stands twice is an error. */
export function parsePolicyText(text: string): Policy {
  const document = parseDocument(text, { uniqueKeys: true, version: '1.2' });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) throw new PolicyError([`not valid YAML: ${firstLine(problem.message)}`]);
  let plain: unknown;
  try {
    plain = document.toJS();
  } catch (error) {
    throw new PolicyError([`not valid YAML: ${firstLine(String(error instanceof Error ? error.message : error))}`]);
  }
  return parsePolicy(plain);
}

export function parsePolicy(plain: unknown): Policy {
  const result = policySchema.safeParse(plain);
  if (!result.success) throw new PolicyError(linesOf(result.error.issues, plain));
  const written: WrittenPolicy = result.data;
  const lines = [...contradictions(written), ...unsupported(written)];
  if (lines.length > 0) throw new PolicyError(lines);
  return { grids: written.grids.map((grid) => ({ name: grid.name, mapSets: grid.mapSets.map(filled) })) };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new PolicyError([`${path}: cannot be read (${code})`]);
  }
}

/** A checked policy in the terms of the file, so that one that was made by hand is checked like any other. */
function asWritten(source: Policy | Readonly<Record<string, unknown>>): unknown {
  if (!isPolicy(source)) return source;
  return {
    grids: source.grids.map((grid) => ({
      name: grid.name,
      mapSets: grid.mapSets.map((mapSet) => ({
        ...mapSet,
        failureDetection: {
          heartbeat: `${mapSet.failureDetection.heartbeatMs}ms`,
          suspectAfter: `${mapSet.failureDetection.suspectAfterMs}ms`,
        },
        maps: mapSet.maps.map(({ timeToLive, limit, ...map }) => ({
          ...map,
          ...(timeToLive === undefined
            ? {}
            : { timeToLive: { type: timeToLive.type, after: `${timeToLive.afterMs}ms` } }),
          ...(limit === undefined ? {} : { maxBytes: `${limit.maxBytes}B`, evict: limit.evict }),
        })),
      })),
    })),
  };
}

/** Only a policy has its durations in numbers. */
function isPolicy(source: Policy | Readonly<Record<string, unknown>>): source is Policy {
  const [grid] = Array.isArray(source.grids) ? (source as Policy).grids : [];
  const [mapSet] = Array.isArray(grid?.mapSets) ? grid.mapSets : [];
  const { failureDetection } = mapSet ?? {};
  return typeof failureDetection === 'object' && failureDetection !== null && 'heartbeatMs' in failureDetection;
}

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

function linesOf(issues: readonly Issue[], plain: unknown, under: Path = []): string[] {
  return issues.flatMap((issue) => {
    const path = [...under, ...issue.path];
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => `${textOf([...path, key])}: ${issue.message}`);
    }
    if (issue.code === 'invalid_union') {
      // What is wrong inside of one form says more than that no form fits.
      const inside = issue.errors.find((branch) => branch.some((each) => each.path.length > 0 || 'keys' in each));
      if (inside !== undefined) return linesOf(inside, plain, path);
    }
    return [`${textOf(path)}: ${issue.message}, got ${valueAt(plain, path)}`];
  });
}

function textOf(path: Path): string {
  if (path.length === 0) return 'policy';
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
}

function valueAt(plain: unknown, path: Path): string {
  let value = plain;
  for (const part of path) value = (value as Record<PropertyKey, unknown> | undefined | null)?.[part];
  const text = value === undefined ? 'nothing' : (JSON.stringify(value) ?? typeof value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function firstLine(text: string): string {
  return text.split('\n')[0]?.replace(/:$/, '') ?? text;
}
