/**
 * The house rules that concern one file at a time, as a plugin of `deno lint`.
 *
 *  - `ankylo/rooms`: arrows between rooms, and doors as the only way in.
 *  - `ankylo/host-calls`: below `server/` nothing but the adapter of a seam touches the host.
 *  - `ankylo/file-name`: snake_case, and a name that says something.
 *  - `ankylo/file-header`: the file opens with a `@module` comment.
 *  - `ankylo/throw-error`: what is thrown is an error.
 *  - `ankylo/floating-promise`: an asynchronous function of the same file is awaited, returned or
 *    handed on.
 *
 * What needs more than one file is in `source_rules.ts`.
 *
 * @module
 */
import { judgeImport, mayCallHost } from "./rooms.ts";

const root = new URL("../../", import.meta.url).pathname;

/** Globals that a simulation could not replay: time, chance, threads, the outer world. */
const hostNames: ReadonlySet<string> = new Set([
  "Deno",
  "setTimeout",
  "setInterval",
  "setImmediate",
  "fetch",
  "Worker",
  "WebSocket",
  "CompressionStream",
  "DecompressionStream",
  "performance",
  "crypto",
  "globalThis",
]);

/** Members of otherwise harmless globals. */
const hostMembers: ReadonlySet<string> = new Set([
  "Date.now",
  "Math.random",
  "AbortSignal.timeout",
]);

/** What is deterministic of the modules that Node brings. */
const pureNodeModules: ReadonlySet<string> = new Set(["node:zlib", "node:buffer"]);

function relativePath(filename: string): string {
  const path = filename.replaceAll("\\", "/");
  return path.startsWith(root) ? path.slice(root.length) : path;
}

const rooms: Deno.lint.Rule = {
  create(context) {
    const path = relativePath(context.filename);
    const judge = (source: Deno.lint.StringLiteral | null) => {
      if (source === null) return;
      const message = judgeImport(path, source.value);
      if (message !== undefined) context.report({ node: source, message });
    };
    return {
      ImportDeclaration: (node) => judge(node.source),
      ExportNamedDeclaration: (node) => judge(asString(node.source)),
      ExportAllDeclaration: (node) => judge(node.source),
      ImportExpression: (node) => judge(asString(node.source)),
    };
  },
};

const hostCalls: Deno.lint.Rule = {
  create(context) {
    if (mayCallHost(relativePath(context.filename))) return {};
    const report = (node: Deno.lint.Node, what: string) =>
      context.report({ node, message: `Cannot use ${what} here: only a seam's adapter may` });
    return {
      Identifier(node) {
        if (hostNames.has(node.name) && isReference(node)) report(node, node.name);
      },
      MemberExpression(node) {
        const name = memberName(node);
        if (name === undefined) return;
        const isQueued = name.startsWith("zlib.") && !isSynchronous(name.slice("zlib.".length));
        if (hostMembers.has(name) || isQueued) report(node, name);
      },
      NewExpression(node) {
        const { callee } = node;
        if (callee.type === "Identifier" && callee.name === "Date" && node.arguments.length === 0) {
          report(node, "new Date()");
        }
      },
      ImportDeclaration(node) {
        const source = node.source.value;
        if (!source.startsWith("node:")) return;
        if (!pureNodeModules.has(source)) return report(node, source);
        if (source !== "node:zlib") return;
        for (const specifier of node.specifiers) {
          if (specifier.type !== "ImportSpecifier") continue;
          const name = keyName(specifier.imported) ?? "";
          if (!isSynchronous(name)) report(specifier, `zlib.${name}`);
        }
      },
    };
  },
};

const fileName: Deno.lint.Rule = {
  create(context) {
    const name = relativePath(context.filename).split("/").at(-1) ?? "";
    return {
      Program(node) {
        if (/^(index|utils?|helpers?|common|misc)\.tsx?$/.test(name)) {
          context.report({ node, message: `Cannot name a file ${name}: it says nothing` });
        } else if (!/^[a-z0-9]+(_[a-z0-9]+)*(\.d)?\.tsx?$/.test(name)) {
          context.report({ node, message: `Cannot name a file ${name}: names are snake_case` });
        }
      },
    };
  },
};

const fileHeader: Deno.lint.Rule = {
  create(context) {
    return {
      Program(node) {
        if (relativePath(context.filename).endsWith("_test.ts")) return;
        const text = context.sourceCode.text.replace(/^#!.*\n/, "");
        const end = text.indexOf("*/");
        if (text.startsWith("/**") && text.slice(0, end).includes("@module")) return;
        context.report({ node, message: "Cannot find the header: the file opens with @module" });
      },
    };
  },
};

const throwError: Deno.lint.Rule = {
  create(context) {
    return {
      ThrowStatement(node) {
        const thrown = node.argument;
        const isPlain = thrown.type === "ObjectExpression" || thrown.type === "ArrayExpression" ||
          thrown.type === "TemplateLiteral" || thrown.type === "Literal";
        const isOther = thrown.type === "NewExpression" && thrown.callee.type === "Identifier" &&
          !/(Error|Exception)$/.test(thrown.callee.name);
        if (isPlain || isOther) {
          context.report({ node, message: "Cannot throw this: only errors are thrown" });
        }
      },
    };
  },
};

const floatingPromise: Deno.lint.Rule = {
  create(context) {
    const asynchronous = new Set<string>();
    const bareCalls: { name: string; node: Deno.lint.Node }[] = [];
    return {
      FunctionDeclaration(node) {
        if (node.async && node.id !== null) asynchronous.add(node.id.name);
      },
      VariableDeclarator(node) {
        if (node.init?.type === "ArrowFunctionExpression" && node.init.async) {
          if (node.id.type === "Identifier") asynchronous.add(node.id.name);
        }
      },
      MethodDefinition(node) {
        if (node.value.type !== "FunctionExpression" || !node.value.async) return;
        const name = keyName(node.key);
        if (name !== undefined) asynchronous.add(`this.${name}`);
      },
      ExpressionStatement(node) {
        const call = node.expression.type === "UnaryExpression" &&
            node.expression.operator === "void"
          ? node.expression.argument
          : node.expression;
        if (call.type !== "CallExpression") return;
        const name = calleeName(call.callee);
        if (name !== undefined) bareCalls.push({ name, node });
      },
      "Program:exit"() {
        for (const { name, node } of bareCalls) {
          if (!asynchronous.has(name)) continue;
          context.report({
            node,
            message: `Cannot drop the promise of ${name}(): await it, return it or report its end`,
          });
        }
      },
    };
  },
};

/** A bare `name()` or `this.name()`; any other callee belongs to an object we cannot know. */
function calleeName(callee: Deno.lint.Node): string | undefined {
  if (callee.type === "Identifier") return callee.name;
  if (callee.type !== "MemberExpression" || callee.object.type !== "ThisExpression") {
    return undefined;
  }
  const name = keyName(callee.property);
  return name === undefined ? undefined : `this.${name}`;
}

/** Tells whether a name of `node:zlib` works on the calling thread. */
function isSynchronous(name: string): boolean {
  return /^(crc32|constants)$|Sync$/.test(name);
}

function keyName(key: Deno.lint.Node): string | undefined {
  if (key.type === "Identifier") return key.name;
  return key.type === "PrivateIdentifier" ? `#${key.name}` : undefined;
}

function memberName(node: Deno.lint.MemberExpression): string | undefined {
  if (node.object.type !== "Identifier" || node.property.type !== "Identifier") return undefined;
  return `${node.object.name}.${node.property.name}`;
}

/** Tells whether an identifier means the global, and not a property or a declaration of its name. */
function isReference(node: Deno.lint.Identifier): boolean {
  const { parent } = node;
  switch (parent.type) {
    case "MemberExpression":
      return parent.object === node || parent.computed;
    case "Property":
      return parent.value === node && parent.key !== node;
    case "MethodDefinition":
    case "PropertyDefinition":
    case "TSPropertySignature":
    case "TSMethodSignature":
    case "TSEnumMember":
    case "ImportSpecifier":
    case "ExportSpecifier":
      return false;
    default:
      return true;
  }
}

function asString(node: Deno.lint.Node | null): Deno.lint.StringLiteral | null {
  return node?.type === "Literal" && typeof node.value === "string"
    ? node as Deno.lint.StringLiteral
    : null;
}

const plugin: Deno.lint.Plugin = {
  name: "ankylo",
  rules: {
    "rooms": rooms,
    "host-calls": hostCalls,
    "file-name": fileName,
    "file-header": fileHeader,
    "throw-error": throwError,
    "floating-promise": floatingPromise,
  },
};

export default plugin;
