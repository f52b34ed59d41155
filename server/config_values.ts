/**
 * How values of the configuration are written and read: durations, sizes, addresses.
 *
 * Every parser returns `undefined` for text that is none, so that `config.ts` alone decides how a
 * refusal reads. Every printer writes what its parser reads.
 *
 * @module
 */

const durationPattern = /^(\d{1,12})(ms|s|m|h|d)$/;
const durationUnitsMs: readonly (readonly [string, number])[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
  ["ms", 1],
];

const sizePattern = /^(\d{1,15})(?: ?(B|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB))?$/;
const sizeUnitsBytes: readonly (readonly [string, number])[] = [
  ["TiB", 2 ** 40],
  ["GiB", 2 ** 30],
  ["MiB", 2 ** 20],
  ["KiB", 2 ** 10],
  ["TB", 1e12],
  ["GB", 1e9],
  ["MB", 1e6],
  ["kB", 1e3],
  ["KB", 1e3],
  ["B", 1],
];

/** A host and a port to listen on or to reach. */
export interface HostPort {
  /** A name or an address; IPv6 without its brackets. */
  readonly host: string;
  /** 0 where the system chooses. */
  readonly port: number;
}

/** Returns the milliseconds of a duration such as `500ms`, `10m` or `7d`. */
export function parseDuration(text: string): number | undefined {
  const match = durationPattern.exec(text);
  if (match === null) return undefined;
  const unitMs = durationUnitsMs.find(([unit]) => unit === match[2])?.[1] ?? 1;
  const valueMs = Number(match[1]) * unitMs;
  return Number.isSafeInteger(valueMs) ? valueMs : undefined;
}

/** Returns a duration as text, in the largest unit that leaves no rest. */
export function formatDuration(valueMs: number): string {
  if (valueMs === 0) return "0s";
  for (const [unit, unitMs] of durationUnitsMs) {
    if (valueMs % unitMs === 0) return `${valueMs / unitMs}${unit}`;
  }
  return `${valueMs}ms`;
}

/** Returns the bytes of a size such as `64MiB`, `1GB` or `4096`. */
export function parseSize(text: string): number | undefined {
  const match = sizePattern.exec(text);
  if (match === null) return undefined;
  const unitBytes = sizeUnitsBytes.find(([unit]) => unit === match[2])?.[1] ?? 1;
  const valueBytes = Number(match[1]) * unitBytes;
  return Number.isSafeInteger(valueBytes) ? valueBytes : undefined;
}

/** Returns a size as text, in the largest binary unit that leaves no rest. */
export function formatSize(valueBytes: number): string {
  if (valueBytes === 0) return "0B";
  for (const [unit, unitBytes] of sizeUnitsBytes) {
    if (unit.endsWith("iB") && valueBytes % unitBytes === 0) {
      return `${valueBytes / unitBytes}${unit}`;
    }
  }
  return `${valueBytes}B`;
}

/** Returns host and port of `HOST:PORT`; an IPv6 host stands in brackets. */
export function parseHostPort(text: string): HostPort | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/[\]]+)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const port = Number(match[3]);
  return port <= 65_535 ? { host: match[1] ?? match[2], port } : undefined;
}

/** Returns `HOST:PORT`, with brackets around an IPv6 host. */
export function formatHostPort({ host, port }: HostPort): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Tells whether only this machine can reach a host. */
export function isLoopback(host: string): boolean {
  const lower = host.toLowerCase();
  if (lower === "localhost" || lower === "::1") return true;
  return /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(lower);
}
