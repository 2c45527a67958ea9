/** The oldest Node.js that runs Ostraca. Kept apart so that an older one can still read this file and be told. */
export const OLDEST_NODE = '20.19.0';

export function isSupportedNode(version, oldest = OLDEST_NODE) {
  const parts = version.replace(/^v/, '').split('.').map(Number);
  const least = oldest.split('.').map(Number);
  for (let index = 0; index < least.length; index += 1) {
    if (parts[index] !== least[index]) return parts[index] > least[index];
  }
  return true;
}
