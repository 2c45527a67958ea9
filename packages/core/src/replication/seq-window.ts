/**
 * What is known of one client's writes, by their seq: a ring, for the client numbers them densely and tells from which on it
 * still may ask. Two Maps in its place cost a third of what a write costs a primary.
 *
 *     base (the client may ask from here on)
 *       ▼
 *     [ 41 done (2, 907) │ 42 in progress 911 │ 43 · │ 44 in progress 912 │ … ]     place = seq modulo the ring's length
 */
import { assert } from '../assert.ts';
import type { Epoch, Lsn } from '../ids.ts';

const PLACES_MIN = 8;

export class SeqWindow {
  #base = 0;
  /** By place; 0: nothing is known of that seq. */
  #lsns: Lsn[] = [];
  /** Of one that is decided; 0: it is in progress. */
  #epochs: Epoch[] = [];
  #doneCount = 0;
  #inProgressCount = 0;

  get doneCount(): number {
    return this.#doneCount;
  }

  get inProgressCount(): number {
    return this.#inProgressCount;
  }

  /** Of the record, decided or not; 0: nothing is known. */
  lsnOf(seq: number): Lsn {
    return this.#holds(seq) ? (this.#lsns[this.#placeOf(seq)] as Lsn) : 0;
  }

  /** Of a write that was carried out; 0: it was not, so far. */
  epochOf(seq: number): Epoch {
    return this.#holds(seq) ? (this.#epochs[this.#placeOf(seq)] as Epoch) : 0;
  }

  /** Nothing that is below the base is kept. */
  begin(seq: number, lsn: Lsn): void {
    this.#put(seq, 0, lsn);
  }

  done(seq: number, epoch: Epoch, lsn: Lsn): void {
    assert(epoch > 0, 'epochs start at 1');
    this.#put(seq, epoch, lsn);
  }

  /** If it is this very record that is in progress. */
  endProgress(seq: number, lsn: Lsn): boolean {
    if (!this.#holds(seq)) return false;
    const place = this.#placeOf(seq);
    if (this.#lsns[place] !== lsn || this.#epochs[place] !== 0) return false;
    this.#clear(place);
    return true;
  }

  /** The client will not ask for anything below. */
  dropBelow(seq: number): void {
    const end = Math.min(seq, this.#base + this.#lsns.length);
    for (let at = this.#base; at < end; at++) this.#clear(this.#placeOf(at));
    this.#base = Math.max(this.#base, seq);
  }

  forgetProgress(): void {
    if (this.#inProgressCount === 0) return;
    for (const [place, epoch] of this.#epochs.entries()) if (epoch === 0) this.#clear(place);
  }

  *decided(): Generator<{ readonly seq: number; readonly epoch: Epoch; readonly lsn: Lsn }> {
    for (let seq = this.#base; seq < this.#base + this.#lsns.length; seq++) {
      const epoch = this.epochOf(seq);
      if (epoch > 0) yield { seq, epoch, lsn: this.lsnOf(seq) };
    }
  }

  *inProgress(): Generator<readonly [seq: number, lsn: Lsn]> {
    for (let seq = this.#base; seq < this.#base + this.#lsns.length; seq++) {
      const lsn = this.lsnOf(seq);
      if (lsn > 0 && this.epochOf(seq) === 0) yield [seq, lsn];
    }
  }

  #holds(seq: number): boolean {
    return seq >= this.#base && seq < this.#base + this.#lsns.length;
  }

  #placeOf(seq: number): number {
    return seq % this.#lsns.length;
  }

  #put(seq: number, epoch: Epoch, lsn: Lsn): void {
    if (seq < this.#base) return;
    if (seq >= this.#base + this.#lsns.length) this.#grow(seq);
    const place = this.#placeOf(seq);
    this.#clear(place);
    this.#lsns[place] = lsn;
    this.#epochs[place] = epoch;
    if (epoch > 0) this.#doneCount++;
    else this.#inProgressCount++;
  }

  #clear(place: number): void {
    if (this.#lsns[place] === 0) return;
    if ((this.#epochs[place] as Epoch) > 0) this.#doneCount--;
    else this.#inProgressCount--;
    this.#lsns[place] = 0;
    this.#epochs[place] = 0;
  }

  #grow(seq: number): void {
    let places = Math.max(PLACES_MIN, this.#lsns.length);
    while (seq >= this.#base + places) places *= 2;
    const lsns = new Array<Lsn>(places).fill(0);
    const epochs = new Array<Epoch>(places).fill(0);
    for (let at = this.#base; at < this.#base + this.#lsns.length; at++) {
      lsns[at % places] = this.#lsns[this.#placeOf(at)] as Lsn;
      epochs[at % places] = this.#epochs[this.#placeOf(at)] as Epoch;
    }
    this.#lsns = lsns;
    this.#epochs = epochs;
  }
}
