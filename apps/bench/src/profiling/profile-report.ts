/** Which profiles there are, and where their time went. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { hotSpotsOf } from './hot-spots.ts';

const HOT_SPOTS = 15;

/** Of those that were written since this process began; the folder may hold older ones. */
export function profileReport(folder: string): string {
  const startMs = Date.now() - process.uptime() * 1_000;
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.cpuprofile'))
    .map((name) => join(folder, name))
    .filter((file) => statSync(file).mtimeMs >= startMs);
  const sections = files.map((file) => {
    const lines = hotSpotsOf(file, HOT_SPOTS).map(
      ({ share, where }) => `${(share * 100).toFixed(1).padStart(7)} %  ${where}`,
    );
    return [file, ...lines, ''].join('\n');
  });
  return `\n${sections.join('\n')}\nOpen the profiles in the developer tools of a browser, or with speedscope.\n`;
}
