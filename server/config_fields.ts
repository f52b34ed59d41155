/**
 * Every field of a node's configuration, in one table: its three names, unit, default, bounds.
 *
 * `config.ts` reads by it, `serve --help` and `help config` print it, and the flags of `serve` are
 * made from it: what is not here cannot be set.
 *
 * A field that a later piece of work brings stands here already, with what it will do in
 * `awaits`: setting it to anything but its default is refused, so that nobody believes in a cluster
 * or an archive that is not there.
 *
 * @module
 */

const kibibyte = 1_024;
const mebibyte = 1_048_576;
const gibibyte = 1_073_741_824;
const secondMs = 1_000;
const minuteMs = 60_000;
const dayMs = 86_400_000;

/** What a field can hold once it is read: durations in milliseconds, sizes in bytes. */
export type ConfigValue = string | number | boolean;

/** How a field is written. */
export type ConfigKind = "text" | "choice" | "address" | "integer" | "duration" | "size" | "switch";

/** One field. */
export interface ConfigField {
  /** The name in a configuration file; flag and environment name follow from it. */
  readonly name: string;
  readonly kind: ConfigKind;
  /** What stands for the value in help. */
  readonly shape: string;
  /** What it does, in a few words. */
  readonly description: string;
  /** The value where nobody sets one; left out where there is none. */
  readonly default?: ConfigValue;
  /** The smallest and largest number that is taken. */
  readonly bounds?: readonly [number, number];
  /** The words that are taken. */
  readonly choices?: readonly string[];
  /** What a text must look like. */
  readonly pattern?: RegExp;
  /** Never printed. */
  readonly isSecret?: boolean;
  /** What must be built before it can be set to anything but its default. */
  readonly awaits?: string;
}

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

const identityFields: readonly ConfigField[] = [
  {
    name: "name",
    kind: "text",
    shape: "NAME",
    description: "the node's name, unique in its cluster",
    default: "node1",
    pattern: namePattern,
  },
  {
    name: "dataDir",
    kind: "text",
    shape: "DIR",
    description: "where all data is kept; made where it is missing",
    default: "./data",
  },
  {
    name: "listen",
    kind: "address",
    shape: "HOST:PORT",
    description: "where the API is served; port 0 lets the system choose",
    default: "127.0.0.1:4512",
  },
  {
    name: "peerListen",
    kind: "address",
    shape: "HOST:PORT",
    description: "where peers are served, the API port + 1 unless given; no effect on a lone node",
  },
  {
    name: "advertise",
    kind: "text",
    shape: "URL",
    description: "the API's URL as others are told; no effect on a lone node",
    pattern: /^https?:\/\/\S+$/,
  },
  {
    name: "peerAdvertise",
    kind: "address",
    shape: "HOST:PORT",
    description: "the peer address as others are told; no effect on a lone node",
  },
  {
    name: "zone",
    kind: "text",
    shape: "LABEL",
    description: "the failure domain; no effect on a lone node",
    pattern: namePattern,
  },
];

const clusterFields: readonly ConfigField[] = [
  {
    name: "cluster",
    kind: "text",
    shape: "NAME=HOST:PORT,...",
    description: "the initial members by peer address",
    awaits: "clusters",
  },
  {
    name: "join",
    kind: "text",
    shape: "HOST:PORT",
    description: "a member of the cluster to join, by peer address",
    awaits: "clusters",
  },
  {
    name: "role",
    kind: "choice",
    shape: "ROLE",
    description: "what the node does in its cluster",
    default: "data",
    choices: ["data", "learner", "witness", "router"],
    awaits: "clusters",
  },
  {
    name: "shards",
    kind: "integer",
    shape: "N",
    description: "hash ranges made when a cluster is first created",
    default: 8,
    bounds: [1, 65_536],
    awaits: "shards",
  },
  {
    name: "replicas",
    kind: "integer",
    shape: "N",
    description: "copies of each shard",
    default: 1,
    bounds: [1, 7],
    awaits: "clusters",
  },
  {
    name: "archive",
    kind: "text",
    shape: "URL",
    description: "where the log is shipped to: file:///path or s3://bucket/prefix",
    awaits: "log shipping",
  },
];

const securityFields: readonly ConfigField[] = [
  {
    name: "accessToken",
    kind: "text",
    shape: "TOKEN",
    description: "a token that opens the API; without any it is open, on loopback only",
    pattern: /^[\x21-\x7e]{1,512}$/,
    isSecret: true,
  },
  {
    name: "accessTokenFile",
    kind: "text",
    shape: "FILE",
    description: "tokens, one a line: TOKEN or NAME:TOKEN; # begins a comment",
  },
  {
    name: "clusterSecretFile",
    kind: "text",
    shape: "FILE",
    description: "the secret that members of a cluster share",
  },
  {
    name: "tlsCert",
    kind: "text",
    shape: "FILE",
    description: "the API's certificate chain, PEM; needs tlsKey",
  },
  {
    name: "tlsKey",
    kind: "text",
    shape: "FILE",
    description: "the API's private key, PEM; needs tlsCert",
  },
  {
    name: "tlsClientCa",
    kind: "text",
    shape: "FILE",
    description: "who signs the certificates of clients",
    awaits: "client certificates",
  },
  {
    name: "peerTlsCert",
    kind: "text",
    shape: "FILE",
    description: "the certificate shown to peers",
    awaits: "clusters",
  },
  {
    name: "peerTlsKey",
    kind: "text",
    shape: "FILE",
    description: "the private key used with peers",
    awaits: "clusters",
  },
  {
    name: "peerTlsCa",
    kind: "text",
    shape: "FILE",
    description: "who signs the certificates of peers",
    awaits: "clusters",
  },
];

const storageFields: readonly ConfigField[] = [
  {
    name: "retention",
    kind: "duration",
    shape: "DURATION",
    description: "how long old versions stay readable",
    default: 10 * minuteMs,
    bounds: [0, 3_650 * dayMs],
  },
  {
    name: "valueSizeMax",
    kind: "size",
    shape: "SIZE",
    description: "the longest value",
    default: mebibyte,
    bounds: [1, 16 * mebibyte],
  },
  {
    name: "memoryBudget",
    kind: "size",
    shape: "SIZE",
    description: "what all memtables may hold together",
    default: 96 * mebibyte,
    bounds: [2 * mebibyte, 256 * gibibyte],
  },
  {
    name: "memtableSize",
    kind: "size",
    shape: "SIZE",
    description: "where a memtable is frozen and flushed",
    default: 32 * mebibyte,
    bounds: [64 * kibibyte, gibibyte],
  },
  {
    name: "blockCache",
    kind: "size",
    shape: "SIZE",
    description: "blocks of sstables kept in memory",
    default: 64 * mebibyte,
    bounds: [mebibyte, 256 * gibibyte],
  },
  {
    name: "blockSize",
    kind: "size",
    shape: "SIZE",
    description: "where a block of an sstable is closed",
    default: 16 * kibibyte,
    bounds: [kibibyte, mebibyte],
  },
  {
    name: "compression",
    kind: "choice",
    shape: "METHOD",
    description: "how blocks are compressed; zstd pays from 64KiB blocks on",
    default: "none",
    choices: ["none", "deflate", "zstd"],
  },
  {
    name: "logSizeMax",
    kind: "size",
    shape: "SIZE",
    description: "what the node log may take before it makes a flush; bounds the time of a restart",
    default: 256 * mebibyte,
    bounds: [32 * mebibyte, 1_024 * gibibyte],
  },
  {
    name: "logSegmentSize",
    kind: "size",
    shape: "SIZE",
    description: "the size of one file of the node log; a multiple of 16",
    default: 64 * mebibyte,
    bounds: [32 * mebibyte, gibibyte],
  },
];

const serviceFields: readonly ConfigField[] = [
  {
    name: "requestsMax",
    kind: "integer",
    shape: "N",
    description: "requests in work at once; above it 429",
    default: 4_096,
    bounds: [1, 1_000_000],
  },
  {
    name: "bodyMemoryMax",
    kind: "size",
    shape: "SIZE",
    description: "request bodies in memory at once; above it 429",
    default: 256 * mebibyte,
    bounds: [64 * mebibyte, 64 * gibibyte],
  },
  {
    name: "streamsMax",
    kind: "integer",
    shape: "N",
    description: "NDJSON streams open at once; above it 429",
    default: 256,
    bounds: [1, 1_000_000],
  },
  {
    name: "streamIdle",
    kind: "duration",
    shape: "DURATION",
    description: "how long a stream waits for a client that does not read",
    default: 60 * secondMs,
    bounds: [100, dayMs],
  },
  {
    name: "cursorsMax",
    kind: "integer",
    shape: "N",
    description: "cursors that hold a version at once; above it 429",
    default: 1_024,
    bounds: [1, 1_000_000],
  },
  {
    name: "stopTimeout",
    kind: "duration",
    shape: "DURATION",
    description: "how long a stop waits for requests in flight before it cuts them off",
    default: 10 * secondMs,
    bounds: [0, 10 * minuteMs],
  },
  {
    name: "slowRequest",
    kind: "duration",
    shape: "DURATION",
    description: "from how long on a request is worth a line in the log",
    default: secondMs,
    bounds: [0, dayMs],
  },
  {
    name: "accessLog",
    kind: "switch",
    shape: "true|false",
    description: "a line in the log for each request, at level debug",
    default: false,
  },
  {
    name: "metricsAuth",
    kind: "switch",
    shape: "true|false",
    description: "whether /metrics needs a token too",
    default: false,
  },
  {
    name: "logLevel",
    kind: "choice",
    shape: "LEVEL",
    description: "the least level that is logged",
    default: "info",
    choices: ["debug", "info", "warn", "error"],
  },
  {
    name: "logFormat",
    kind: "choice",
    shape: "FORMAT",
    description: "how a line of the log is written",
    default: "json",
    choices: ["json", "text"],
  },
];

/** The table, in the order in which it is printed. */
export const configFields: readonly ConfigField[] = [
  ...identityFields,
  ...clusterFields,
  ...securityFields,
  ...storageFields,
  ...serviceFields,
];

/** Returns the flag of a field: `--data-dir` for `dataDir`. */
export function flagOf(field: Pick<ConfigField, "name">): string {
  return `--${field.name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Returns the environment name of a field: `ANKYLO_DATA_DIR` for `dataDir`. */
export function environmentNameOf(field: Pick<ConfigField, "name">): string {
  return `ANKYLO_${field.name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}
