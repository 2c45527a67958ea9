import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { protoFiles, protoText } from '../scripts/generate.mjs';
import { agreeOnProtocol, PROTOCOL } from './protocol-version.ts';

/** Of the contract in words that a machine reads: its files by name, without comments and extra white space. */
const CONTRACT_SHA256 = '222d017a88b1dcddb630fc6c8d3cfa4072ca66a56b55c087286d03f07e2c2a9c';

function contractHash(): string {
  const hash = createHash('sha256');
  for (const name of protoFiles()) {
    const words = protoText(name)
      .replace(/\/\/.*$/gm, ' ')
      .replace(/\s+/g, ' ')
      .trim();
    hash.update(`${name}\n${words}\n`);
  }
  return hash.digest('hex');
}

test('the contract changes only with thought', () => {
  expect(
    contractHash(),
    'proto/*.proto has changed. Read the rules in protocol-version.ts: does an older peer still understand us, and ' +
      'we it? If not, raise PROTOCOL.max and write its history. Then run scripts/generate.mjs and record the new hash.',
  ).toBe(CONTRACT_SHA256);
});

test('two processes speak the newest version that both know', () => {
  expect(agreeOnProtocol({ min: 1, max: 3 }, { min: 2, max: 5 })).toBe(3);
  expect(agreeOnProtocol({ min: 2, max: 5 }, { min: 1, max: 3 })).toBe(3);
  expect(agreeOnProtocol({ min: 1, max: 1 }, { min: 1, max: 1 })).toBe(1);
  expect(agreeOnProtocol({ min: 1, max: 1 }, { min: 2, max: 2 })).toBeUndefined();
  expect(agreeOnProtocol({ min: 2, max: 2 }, { min: 1, max: 1 })).toBeUndefined();
  expect(agreeOnProtocol(PROTOCOL, PROTOCOL)).toBe(PROTOCOL.max);
});

test('a range that is none agrees with nobody', () => {
  expect(agreeOnProtocol({ min: 1, max: 3 }, { min: 5, max: 2 })).toBeUndefined();
});
