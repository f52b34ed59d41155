/**
 * What the tidy rules need to know of a source file, read from its syntax tree.
 *
 * The parser is that of `deno lint`: a plugin that reports nothing writes down what it meets. It
 * runs only under `deno test`.
 *
 * @module
 */
import { resolvePath } from "./rooms.ts";
import { lineAt } from "./tree.ts";

/** Names taken from another file of the repository. */
export interface ImportFact {
  /** The file, relative to the root. */
  readonly target: string;
  /** The names as the target exports them; `*` for all. */
  readonly names: readonly string[];
  /** Whether it stands in an `export … from`. */
  readonly isReexport: boolean;
}

/** A name declared in a file and handed out. */
export interface ExportFact {
  readonly name: string;
  readonly line: number;
  /** Whether a JSDoc comment stands before it. */
  readonly isDocumented: boolean;
}

/** A function with a body. */
export interface FunctionFact {
  readonly name: string;
  readonly line: number;
  readonly lineCount: number;
}

/** A call whose result nobody takes. */
export interface BareCallFact {
  readonly name: string;
  readonly line: number;
}

/** The facts of one file. */
export interface SourceFacts {
  readonly path: string;
  readonly imports: readonly ImportFact[];
  /** Specifiers that are not relative. */
  readonly packages: readonly string[];
  /** The names declared here and exported. */
  readonly exports: readonly ExportFact[];
  readonly functions: readonly FunctionFact[];
  /** Functions and methods declared here, and whether each answers with a promise. */
  readonly declared: readonly { readonly name: string; readonly isPromise: boolean }[];
  readonly bareCalls: readonly BareCallFact[];
  /** Whether a function does something, constructors not counted. */
  readonly hasBehaviour: boolean;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer E)[] ? E[] : T[K] };

/** Reads the facts of one file. Only inside `deno test`. */
export function readFacts(path: string, source: string): SourceFacts {
  const facts: Mutable<SourceFacts> = {
    path,
    imports: [],
    packages: [],
    exports: [],
    functions: [],
    declared: [],
    bareCalls: [],
    hasBehaviour: false,
  };
  const rule: Deno.lint.Rule = { create: () => visitor(facts, source) };
  Deno.lint.runPlugin({ name: "facts", rules: { read: rule } }, path, source);
  return facts;
}

function visitor(facts: Mutable<SourceFacts>, source: string): Deno.lint.LintVisitor {
  const lineOf = (node: Deno.lint.Node): number => lineAt(source, node.range[0]);
  const textOf = (node: Deno.lint.Node): string => source.slice(node.range[0], node.range[1]);
  const addImport = (specifier: string, names: string[], isReexport: boolean): void => {
    if (!specifier.startsWith(".")) facts.packages.push(specifier);
    else facts.imports.push({ target: resolvePath(facts.path, specifier), names, isReexport });
  };
  const addFunction = (node: Deno.lint.Node, name: string): void => {
    const line = lineOf(node);
    facts.functions.push({ name, line, lineCount: lineAt(source, node.range[1]) - line + 1 });
    const isEmpty = /\{\s*\}$/.test(textOf(node));
    if (name !== "constructor" && !isEmpty) facts.hasBehaviour = true;
  };
  const declare = (name: string, isAsync: boolean, answer: Deno.lint.Node | undefined): void => {
    const text = answer === undefined ? "" : textOf(answer);
    facts.declared.push({ name, isPromise: isAsync || /^:?\s*Promise</.test(text) });
  };
  return {
    ...importVisitor(facts, addImport, {
      lineOf,
      isDocumented: (node) => /\*\/\s*$/.test(source.slice(0, node.range[0])),
    }),
    FunctionDeclaration(node) {
      const name = node.id?.name ?? "default";
      addFunction(node, name);
      declare(name, node.async, node.returnType);
    },
    ArrowFunctionExpression(node) {
      const name = nameOfOwner(node);
      addFunction(node, name);
      declare(name, node.async, node.returnType);
    },
    FunctionExpression(node) {
      const name = nameOfOwner(node);
      addFunction(node, name);
      declare(name, node.async, node.returnType);
    },
    TSMethodSignature(node) {
      declare(keyName(node.key), false, node.returnType);
    },
    ExpressionStatement(node) {
      const call = bareCall(node.expression);
      if (call !== undefined) facts.bareCalls.push({ name: call, line: lineOf(node) });
    },
  };
}

function importVisitor(
  facts: Mutable<SourceFacts>,
  add: (specifier: string, names: string[], isReexport: boolean) => void,
  about: {
    lineOf: (node: Deno.lint.Node) => number;
    isDocumented: (node: Deno.lint.Node) => boolean;
  },
): Deno.lint.LintVisitor {
  return {
    ImportDeclaration(node) {
      const names = node.specifiers.map((specifier) =>
        specifier.type === "ImportSpecifier"
          ? keyName(specifier.imported)
          : specifier.type === "ImportDefaultSpecifier"
          ? "default"
          : "*"
      );
      add(node.source.value, names, false);
    },
    ImportExpression(node) {
      if (node.source.type === "Literal") add(String(node.source.value), ["*"], false);
    },
    ExportAllDeclaration(node) {
      add(node.source.value, ["*"], true);
    },
    ExportNamedDeclaration(node) {
      if (node.source !== null && node.source !== undefined) {
        const names = node.specifiers.map((specifier) => keyName(specifier.local));
        add(String((node.source as Deno.lint.StringLiteral).value), names, true);
        return;
      }
      const line = about.lineOf(node);
      const isDocumented = about.isDocumented(node);
      for (const name of declaredNames(node.declaration)) {
        facts.exports.push({ name, line, isDocumented });
      }
    },
  };
}

/** The names that a declaration brings. */
function declaredNames(node: Deno.lint.Node | null): string[] {
  switch (node?.type) {
    case "VariableDeclaration":
      return node.declarations.flatMap(({ id }) => id.type === "Identifier" ? [id.name] : []);
    case "FunctionDeclaration":
    case "ClassDeclaration":
      return node.id === null ? [] : [node.id.name];
    case "TSInterfaceDeclaration":
    case "TSTypeAliasDeclaration":
    case "TSEnumDeclaration":
      return [node.id.name];
    default:
      return [];
  }
}

/** The name under which a function without one of its own can be called. */
function nameOfOwner(node: Deno.lint.ArrowFunctionExpression | Deno.lint.FunctionExpression) {
  const parent: Deno.lint.Node = node.parent;
  switch (parent.type) {
    case "MethodDefinition":
    case "PropertyDefinition":
    case "Property":
      return keyName(parent.key);
    case "VariableDeclarator":
      return parent.id.type === "Identifier" ? parent.id.name : "function";
    default:
      return "function";
  }
}

function keyName(node: Deno.lint.Node): string {
  switch (node.type) {
    case "Identifier":
      return node.name;
    case "PrivateIdentifier":
      return `#${node.name}`;
    case "Literal":
      return String(node.value);
    default:
      return "?";
  }
}

/**
 * The name called by a statement that takes no result, `void` counting as taking none; undefined
 * where the rejection is looked after.
 */
function bareCall(expression: Deno.lint.Node): string | undefined {
  const call = expression.type === "UnaryExpression" && expression.operator === "void"
    ? expression.argument
    : expression;
  if (call.type !== "CallExpression") return undefined;
  const { callee } = call;
  if (callee.type === "Identifier") return callee.name;
  if (callee.type !== "MemberExpression") return undefined;
  const name = keyName(callee.property);
  return name === "then" && call.arguments.length > 1 ? undefined : name;
}
