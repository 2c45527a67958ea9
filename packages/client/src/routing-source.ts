/**
 * Keeps somebody telling us the routing: any catalog or container will do. While nobody does, endpoints and known
 * containers are dialled one after the other, without waiting for a silent one; as long as possible two are asked,
 * because one may be a stopped process whose connection stays open.
 */
import { type Effects, GridError, type Random } from '@ostraca/core';
import type { Link, Links } from './links.ts';
import type { Routes } from './routes.ts';

/** A candidate that has not answered after this long gets company. */
const NEXT_CANDIDATE_MS = 500;
const SOURCES_WANTED = 2;

export interface RoutingSourceOptions {
  readonly grid: string;
  readonly endpoints: readonly string[];
  readonly effects: Effects;
  readonly random: Random;
  readonly links: Links;
  readonly routes: Routes;
}

export class RoutingSource {
  readonly #options: RoutingSourceOptions;
  readonly #endpoints: readonly string[];
  /** What each endpoint refused with, for the error of a failed connect. */
  readonly #refusals = new Map<string, string>();
  #nextCandidate: number;
  #lastDialMs = Number.NEGATIVE_INFINITY;

  constructor(options: RoutingSourceOptions) {
    this.#options = options;
    this.#endpoints = [...new Set(options.endpoints)];
    // Clients of one list spread over it.
    this.#nextCandidate = options.random.below(this.#endpoints.length);
  }

  hasSource(): boolean {
    for (const link of this.#options.links.open()) if (link.answered) return true;
    return false;
  }

  isCandidate(link: Link): boolean {
    return this.#endpoints.includes(link.url);
  }

  /** Asks open links and dials candidates as needed. Called at ticks and after every change of a link. */
  keepUp(nowMs: number): void {
    this.#askOpenLinks();
    if (this.hasSource()) return;
    const candidates = [...new Set([...this.#endpoints, ...this.#options.routes.addresses])];
    const links = candidates.map((url) => this.#options.links.at(url));
    if (links.some(({ state }) => state === 'dialling') && nowMs - this.#lastDialMs < NEXT_CANDIDATE_MS) return;
    for (let step = 0; step < links.length; step += 1) {
      const link = links[(this.#nextCandidate + step) % links.length];
      if (link === undefined || !this.#options.links.canDial(link, nowMs)) continue;
      this.#nextCandidate = (this.#nextCandidate + step + 1) % links.length;
      this.#lastDialMs = nowMs;
      this.#options.links.dial(link, nowMs);
      return;
    }
  }

  /** Something is wrong with what we know: one more may know better. */
  askAnother(): void {
    for (const link of this.#options.links.open()) {
      if (link.asked) continue;
      this.#ask(link);
      return;
    }
  }

  onAnswer(link: Link): void {
    link.answered = true;
    this.#refusals.delete(link.url);
  }

  onRefused(link: Link, reason: string): void {
    link.answered = false;
    this.#refusals.set(link.url, reason);
  }

  /** Every endpoint speaks another protocol: waiting changes nothing. */
  disagrees(): boolean {
    return this.#endpoints.every((url) => this.#options.links.at(url).reason.startsWith('protocol_version: '));
  }

  /** Of the first connect: every endpoint and why. */
  describeFailure(): GridError {
    const endpoints = this.#endpoints.map((url) => {
      const { state, reason } = this.#options.links.at(url);
      const open = state === 'open' ? 'connected, no answer' : '';
      return { url, reason: this.#refusals.get(url) ?? (open || reason || 'no answer') };
    });
    if (this.disagrees()) {
      return new GridError('protocol_version', { details: { reason: 'every endpoint speaks another', endpoints } });
    }
    return new GridError('unavailable', { details: { reason: 'no endpoint answered', endpoints } });
  }

  #askOpenLinks(): void {
    let asked = 0;
    for (const link of this.#options.links.open()) if (link.asked) asked += 1;
    for (const link of this.#options.links.open()) {
      if (asked >= SOURCES_WANTED && this.hasSource()) return;
      if (link.asked) continue;
      this.#ask(link);
      asked += 1;
    }
  }

  #ask(link: Link): void {
    if (link.connection === undefined) return;
    link.asked = true;
    this.#options.effects.send(link.connection, { type: 'routingRequest', grid: this.#options.grid });
  }
}
