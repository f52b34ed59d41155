/**
 * Which operations of a simulated disk go wrong, and how.
 *
 * @module
 */
import { DiskError } from "../../storage/env/mod.ts";
import type { DiskErrorCode } from "../../storage/env/mod.ts";

/** What a disk is asked to do. `exists` and `sizeBytes` never fail and are not counted. */
export type OperationKind =
  | "open"
  | "create"
  | "read"
  | "write"
  | "truncate"
  | "sync"
  | "sync_directory"
  | "rename"
  | "remove"
  | "list"
  | "create_directory"
  | "lock";

/** One operation, as hooks and rules see it. */
export interface DiskOperation {
  /** Counts from 1. */
  readonly number: number;
  readonly kind: OperationKind;
  readonly path: string;
}

/** How an operation goes wrong: it fails, a write after a part of it; or a read lies by one bit. */
export type FaultEffect = "fail" | "flip";

/** A rule: which operations go wrong, and how. */
export interface FaultRule {
  /** Which kinds; any where it is left out. */
  readonly kinds?: readonly OperationKind[];
  /** Which paths; any where it is left out. */
  readonly path?: RegExp;
  /** How many operations that fit are let pass first. */
  readonly skipCount?: number;
  /** How many then go wrong; one where it is left out. */
  readonly times?: number;
  readonly effect?: FaultEffect;
  /** What a failure reports; `io` where it is left out. */
  readonly code?: DiskErrorCode;
}

interface LiveRule {
  readonly rule: FaultRule;
  seenCount: number;
}

/** The rules in force on one disk. */
export class FaultPlan {
  #rules: LiveRule[] = [];
  readonly #hitCounts = new Map<string, number>();

  constructor(rules: readonly FaultRule[] = []) {
    for (const rule of rules) this.add(rule);
  }

  /** How often each kind of operation went wrong, by `<kind> <effect> <code>`. */
  get hitCounts(): ReadonlyMap<string, number> {
    return this.#hitCounts;
  }

  add(rule: FaultRule): void {
    this.#rules.push({ rule, seenCount: 0 });
  }

  /** Takes every rule back. */
  clear(): void {
    this.#rules = [];
  }

  /** Counts an operation, and returns the rule that makes it go wrong, if one does. */
  meet(operation: DiskOperation): FaultRule | undefined {
    let met: FaultRule | undefined;
    for (const live of this.#rules) {
      if (!fits(live.rule, operation)) continue;
      const { skipCount = 0, times = 1 } = live.rule;
      const seen = live.seenCount++;
      if (seen >= skipCount && seen < skipCount + times) met ??= live.rule;
    }
    if (met !== undefined) {
      const name = `${operation.kind} ${met.effect ?? "fail"} ${met.code ?? "io"}`;
      this.#hitCounts.set(name, (this.#hitCounts.get(name) ?? 0) + 1);
    }
    return met;
  }
}

/** Returns the error that a rule makes of an operation. */
export function failure(operation: DiskOperation, rule: FaultRule): DiskError {
  const { kind, path, number } = operation;
  return new DiskError(rule.code ?? "io", `Cannot ${kind} ${path}: fault at operation ${number}`);
}

function fits(rule: FaultRule, operation: DiskOperation): boolean {
  if (rule.effect === "flip" && operation.kind !== "read") return false;
  return (rule.kinds === undefined || rule.kinds.includes(operation.kind)) &&
    (rule.path === undefined || rule.path.test(operation.path));
}
