/**
 * Ankylo: a distributed key-value database server for Deno, as a library that starts a node.
 *
 * @module
 */
export {
  ConfigError,
  type ConfigErrorCode,
  type ConfigSources,
  createServer,
  type HostParts,
  readConfig,
  type Server,
  type ServerConfig,
  type ServerOptions,
  type Setting,
} from "./server/mod.ts";
