/** Transactions of one partition, and their locks. Keys that begin with `lck` lie in a map with locks. */
import type { Script } from './script.ts';
import { versionOf } from './stage-client.ts';
import { TRIO } from './topologies.ts';

const STEPS = { commit: 'commit', append: 'record', vote: 'vote', writeAnswer: 'answer' } as const;

export const TRANSACTIONS: readonly Script[] = [
  {
    name: 'what a transaction has read was changed by somebody else: nothing of it is written',
    rows: [60],
    breaks: 'I-LIN',
    stage: TRIO,
    mutants: { readsUnchecked: 'script' },
    play: (stage) => {
      stage.expect(stage.x.set('a', 'one'), 'applied');
      const mine = stage.x.transaction();
      stage.expect(mine.get('a'), 'one');
      stage.expect(stage.y.set('a', 'two'), 'applied');
      mine.set('b', 'three');
      stage.expect(mine.commit(), 'version_conflict');
      stage.expect(stage.y.get('b'), 'absent');
    },
  },
  {
    name: 'a commit waits for the outcome of a write of what it has read',
    rows: [72],
    breaks: 'I-LIN',
    stage: TRIO,
    mutants: { validateLate: 'script' },
    play: (stage) => {
      const { p, q, r } = stage.roles();
      stage.expect(stage.x.set('a', 'one'), 'applied');
      const mine = stage.x.transaction();
      stage.expect(mine.get('a'), 'one');
      const votes = [q, r].map((name) => stage.hold({ from: name, to: p, type: 'vote' }));
      const write = stage.y.set('a', 'two');
      stage.pass(5);
      mine.set('b', 'three');
      const commit = mine.commit();
      stage.pass(5);
      stage.expectOpen(commit);
      for (const vote of votes) stage.release(vote);
      stage.expect(write, 'applied');
      stage.expect(commit, 'version_conflict');
    },
  },
  {
    name: 'a key that appears in a map which a transaction has gone through is a conflict',
    rows: [60],
    breaks: 'I-LIN',
    stage: TRIO,
    mutants: { rangesUnchecked: 'script' },
    play: (stage) => {
      const mine = stage.x.transaction();
      stage.expect(mine.scan('a'), 'absent');
      stage.expect(stage.y.insert('new', 'one'), 'applied');
      mine.set('b', 'two');
      stage.expect(mine.commit(), 'version_conflict');
      const again = stage.x.transaction();
      stage.expect(again.scan('a'), 'absent');
      again.set('b', 'three');
      stage.expect(again.commit(), 'applied');
    },
  },
  {
    name: 'who has read under a lock keeps others from writing until its end',
    rows: [34],
    breaks: 'I-LIN',
    stage: TRIO,
    mutants: { freeLocksEarly: 'script' },
    play: (stage) => {
      stage.expect(stage.x.set('lck-a', 'one'), 'applied');
      const mine = stage.x.transaction();
      stage.expect(mine.lock('lck-a', 'shared'), 'one');
      const other = stage.y.transaction();
      const lock = other.lock('lck-a', 'exclusive');
      stage.pass(5);
      stage.expectOpen(lock);
      mine.set('b', 'two');
      stage.expect(mine.commit(), 'applied');
      stage.expect(lock, 'one');
      other.set('lck-a', 'three');
      stage.expect(other.commit(), 'applied');
    },
  },
  {
    name: 'who locks a key reads no state before a write that has no outcome yet',
    rows: [72],
    breaks: 'I-LIN',
    stage: TRIO,
    mutants: { lockIgnoresPending: 'script' },
    play: (stage) => {
      const { p, q, r } = stage.roles();
      stage.expect(stage.x.set('lck-a', 'one'), 'applied');
      const votes = [q, r].map((name) => stage.hold({ from: name, to: p, type: 'vote' }));
      const write = stage.y.set('lck-a', 'two');
      stage.pass(5);
      const mine = stage.x.transaction();
      const lock = mine.lock('lck-a', 'shared');
      stage.pass(5);
      stage.expectOpen(lock);
      for (const vote of votes) stage.release(vote);
      stage.expect(write, 'applied');
      stage.expect(lock, 'two');
      stage.expect(mine.commit(), 'applied');
    },
  },
  {
    name: 'a write outside of transactions waits for a lock',
    rows: [34],
    breaks: 'I-LIN',
    stage: TRIO,
    mutants: { writesIgnoreLocks: 'script' },
    play: (stage) => {
      const mine = stage.x.transaction();
      stage.expect(mine.lock('lck-a', 'exclusive'), 'absent');
      const write = stage.y.set('lck-a', 'two');
      stage.pass(5);
      stage.expectOpen(write);
      mine.set('lck-a', 'one');
      stage.expect(mine.commit(), 'applied');
      stage.expect(write, 'applied');
      stage.expect(stage.x.get('lck-a'), 'two');
    },
  },
  {
    name: 'locks end with their epoch: a transaction that goes on after a fail-over is not committed',
    rows: [34],
    breaks: 'I-LOCK',
    stage: TRIO,
    mutants: { commitInAnyEpoch: 'script' },
    play: (stage) => {
      const { p } = stage.roles();
      stage.expect(stage.x.set('lck-a', 'one'), 'applied');
      const mine = stage.x.transaction();
      stage.expect(mine.lock('lck-a', 'exclusive'), 'one');
      stage.crash(p);
      // The new primary knows of no lock.
      const other = stage.y.transaction();
      stage.expect(other.lock('lck-a', 'shared'), 'one');
      mine.set('b', 'two');
      stage.expect(mine.commit(), 'transaction_failed_over');
      stage.expect(other.commit(), 'applied');
    },
  },
  ...(['commit', 'append', 'vote', 'writeAnswer'] as const).map(
    (type): Script => ({
      name: `a fail-over when a transaction's ${STEPS[type]} is on its way`,
      rows: [59],
      breaks: 'I-ONCE, I-ACK',
      stage: TRIO,
      play: (stage) => {
        const { p, q, r } = stage.roles();
        stage.expect(stage.x.set('a', 'one'), 'applied');
        const mine = stage.x.transaction();
        stage.expect(mine.get('a'), 'one');
        stage.expect(mine.lock('lck-b', 'exclusive'), 'absent');
        mine.set('a', 'two');
        mine.set('lck-b', 'three');
        if (type === 'commit') stage.hold({ from: 'x', to: p, type });
        if (type === 'append') for (const to of [q, r]) stage.hold({ from: p, to, type });
        if (type === 'vote') for (const from of [q, r]) stage.hold({ from, to: p, type });
        if (type === 'writeAnswer') stage.hold({ from: p, to: 'x', type });
        const commit = mine.commit();
        stage.pass(20);
        stage.expectOpen(commit);
        stage.crash(p);
        // What a replica holds is decided by the next primary, and told once; what none of them holds never happened.
        const isHeld = type === 'vote' || type === 'writeAnswer';
        stage.expect(commit, isHeld ? 'applied' : 'transaction_failed_over');
        stage.expect(stage.y.get('a'), isHeld ? 'two' : 'one');
        stage.expect(stage.y.get('lck-b'), isHeld ? 'three' : 'absent');
      },
    }),
  ),
  {
    name: 'a lock by name goes to who has waited for it, and its token is higher',
    rows: [45],
    breaks: 'I-LOCK',
    stage: TRIO,
    play: (stage) => {
      const { p } = stage.roles();
      const mine = stage.x.acquire('ttl-lock', 'of x~5000');
      stage.expect(mine, 'applied');
      const other = stage.y.acquire('ttl-lock', 'of y~5000');
      stage.pass(500);
      stage.expectOpen(other);
      // It is as safe as an entry: the next primary knows of it.
      stage.crash(p);
      stage.pass(1_000);
      stage.expectOpen(other);
      stage.expect(stage.x.delete('ttl-lock'), 'applied');
      stage.expect(other, 'applied');
      const [before, after] = [versionOf(mine), versionOf(other)];
      stage.check('the token is higher', after.epoch > before.epoch || after.lsn > before.lsn);
    },
  },
  {
    name: 'a lock by name whose owner has died is free when its lease has ended',
    rows: [42],
    breaks: 'I-LOCK, I-LIVE',
    stage: TRIO,
    play: (stage) => {
      stage.expect(stage.x.acquire('ttl-lock', 'of x~1000'), 'applied');
      stage.x.process.crash();
      const other = stage.y.acquire('ttl-lock', 'of y~1000');
      stage.pass(500);
      stage.expectOpen(other);
      stage.expect(other, 'applied', 3_000);
      stage.x.start();
    },
  },
];
