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
import type { ConfigField } from "./config_field.ts";
import { historyFields, storageFields } from "./config_storage_fields.ts";

const mebibyte = 1_048_576;
const gibibyte = 1_073_741_824;
const secondMs = 1_000;
const minuteMs = 60_000;
const dayMs = 86_400_000;

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
    name: "watchesMax",
    kind: "integer",
    shape: "N",
    description: "watches open at once; above it 429",
    default: 10_000,
    bounds: [1, 1_000_000],
  },
  {
    name: "watchLagMax",
    kind: "duration",
    shape: "DURATION",
    description:
      "how far a watch may fall behind before it is reset, and keeps versions until then",
    default: 10 * minuteMs,
    bounds: [secondMs, 30 * dayMs],
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
  ...historyFields,
  ...storageFields,
  ...serviceFields,
];
