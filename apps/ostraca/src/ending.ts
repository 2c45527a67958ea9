/** How a program that runs until it is told to end hears of it. */

export interface Ending {
  /** Resolves at the first SIGTERM or SIGINT, or when the process that supervises this one asks or is gone. */
  readonly asked: Promise<'signal' | 'supervisor'>;
  /** Resolves at the second: end at once. */
  readonly demanded: Promise<void>;
}

/** A supervisor's words to its children, over the channel that Node.js gives to forked processes. */
export type SupervisorMessage = { readonly type: 'drain' } | { readonly type: 'end' };

export function listenForEnding(): Ending {
  const isSupervised = process.connected === true;
  let ask: (by: 'signal' | 'supervisor') => void = () => {};
  let demand: () => void = () => {};
  const asked = new Promise<'signal' | 'supervisor'>((resolve) => {
    ask = resolve;
  });
  const demanded = new Promise<void>((resolve) => {
    demand = resolve;
  });
  let signals = 0;
  const onSignal = (): void => {
    signals += 1;
    if (signals === 1) ask('signal');
    else demand();
  };
  process.on('SIGTERM', onSignal);
  // Ctrl-C reaches the whole group of processes; a supervised one is told by its supervisor, once.
  process.on('SIGINT', isSupervised ? () => {} : onSignal);
  if (isSupervised) {
    process.on('message', (message: SupervisorMessage) => {
      ask('supervisor');
      if (message.type === 'end') demand();
    });
    // It is dead or has let go: nobody would ever end us.
    process.on('disconnect', () => ask('supervisor'));
  }
  return { asked, demanded };
}
